// `codebuddy acp`: the agent of the server as an ACP agent on standard input and output, for editors.

import type { Command } from 'commander';
import type { ServerLink } from '../acp-server/server-link.ts';
import { defaultHome } from '../base/home-paths.ts';
import { version } from '../base/version.ts';
import type { CodeBuddyClient } from '../client/index.ts';
import { hasCrashed } from '../config/server-file.ts';
import { type ConnectionOptions, connect, withConnection } from './connection.ts';
import { complain, oneLine } from './output.ts';
import { findPlace } from './prompt-place.ts';

interface AcpOptions extends ConnectionOptions {
  readonly detach?: boolean;
}

/** Runs that are being cancelled have this long once the editor has left. */
const endLimitMs = 5000;

export function define(acp: Command): void {
  withConnection(
    acp
      .description(
        'Serve an editor that speaks the Agent Client Protocol (ACP) on standard input and output.',
      )
      .option('--detach', 'let runs continue when the editor closes, instead of cancelling them'),
    { json: false },
  )
    .addHelpText(
      'after',
      `
For Zed, JetBrains IDEs, Neovim and other ACP clients, which start this command themselves. Sessions, permissions and
events are those of the server. If none is running, one is started for the folder that the editor has open.

Example:
  codebuddy acp                          as the command of an agent in the editor's settings`,
    )
    .action(run);
}

async function run(options: AcpOptions): Promise<void> {
  const { serveAcp } = await import('../acp-server/serve-acp.ts');
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, leave);
  // The editor is gone. Its runs must still be cancelled.
  process.stdout.removeAllListeners('error').on('error', leave);
  await serveAcp({
    server: createLink(options),
    version,
    input: process.stdin,
    output: process.stdout,
    signal: leaving.signal,
    detach: options.detach === true,
    log: (message) => complain(oneLine(`codebuddy: ${message}`)),
  });
  // The requests that cancel runs may still be under way, unless the runs go on.
  if (options.detach) process.exit();
  process.stdin.destroy();
  setTimeout(() => process.exit(), endLimitMs).unref();
}

function createLink(options: AcpOptions): ServerLink {
  let client: CodeBuddyClient | undefined;
  let connecting: Promise<CodeBuddyClient> | undefined;

  /** The client follows a server that moves, so it is kept. */
  async function reach(folder: string): Promise<CodeBuddyClient> {
    const found = await connect(options, { folder });
    client ??= found;
    return client;
  }

  function connectOnce(folder: string): Promise<CodeBuddyClient> {
    connecting ??= reach(folder).finally(() => {
      connecting = undefined;
    });
    return connecting;
  }

  return {
    connect: connectOnce,
    async revive(folder: string): Promise<void> {
      if (hasCrashed(options.home ?? defaultHome())) await connectOnce(folder);
    },
    place: (connected: CodeBuddyClient) => findPlace(connected, new AbortController().signal),
  };
}
