// A server whose sessions a real agent answers. The agent has a home folder of its own and reaches the model server
// only: every proxy leads to a closed port.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startModelServer } from '../agent/model-server.ts';
import type { ModelServer } from '../agent/model-server-types.ts';
import { type Server, serve, temporaryFolder } from '../cli/run-cli.ts';
import { programFolder } from './install-agents.ts';
import { scriptOf } from './model-script.ts';
import type { RealAgent } from './real-agents.ts';

export interface RealAgentServer {
  readonly client: CodeBuddyClient;
  readonly server: Server;
  readonly model: ModelServer;
  readonly workspace: string;
  /** Stops the server and starts another one with the same folders. */
  restart(): Promise<void>;
  /** Stops the server. Resolves once it has ended. */
  stop(): Promise<void>;
  /** The command lines of the processes that the server and its agents have started, including orphans. */
  processes(): readonly string[];
}

export async function startRealAgent(
  agent: RealAgent,
  config: Readonly<Record<string, unknown>> = {},
): Promise<RealAgentServer> {
  const folder = temporaryFolder();
  const home = join(folder, 'home');
  const workspace = join(folder, 'workspace');
  const userHome = join(folder, 'user');
  for (const path of [join(home, 'api'), workspace, userHome])
    mkdirSync(path, { recursive: true, mode: 0o700 });
  const model = await startModelServer(scriptOf(agent));
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ agent: agent.name, ...config }));
  const environment = {
    ...agent.leadTo(model.url, userHome),
    ...withoutNetwork,
    CODEBUDDY_WORKSPACE: workspace,
    HOME: userHome,
    XDG_CONFIG_HOME: join(userHome, '.config'),
    PATH: [programFolder(agent), dirname(process.execPath), process.env.PATH ?? ''].join(delimiter),
  };
  let server = await serve(home, [], environment);
  const stop = async (): Promise<void> => {
    server.child.kill('SIGTERM');
    await server.finished;
  };
  // The folders are removed after that, so no agent may still write to them.
  onTestFinished(async () => {
    await stop();
    for (const { pid } of markedProcesses(userHome)) end(pid);
  });
  const client = new CodeBuddyClient({ home });
  return {
    client,
    get server() {
      return server;
    },
    model,
    workspace,
    async restart() {
      await stop();
      server = await serve(home, [], environment);
    },
    stop,
    processes: () => markedProcesses(userHome).map(({ command }) => command),
  };
}

/** For agents that look for updates or report usage. They must work without. */
const closedPort = 'http://127.0.0.1:9';
const withoutNetwork = {
  HTTP_PROXY: closedPort,
  HTTPS_PROXY: closedPort,
  http_proxy: closedPort,
  https_proxy: closedPort,
  NO_PROXY: '127.0.0.1,localhost',
  no_proxy: '127.0.0.1,localhost',
};

/** It may have ended since it was found. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {}
}

/** Processes that inherited the home folder of the test, except the server itself. */
function markedProcesses(userHome: string): readonly { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`HOME=${userHome}`)) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      return command === '' || command.includes('codebuddy.js serve') ? [] : [{ pid: Number(name), command }];
    } catch {
      return [];
    }
  });
}

/**
 * Gemini CLI names the file of a session after the minute and loads it wrongly within that minute: it writes an empty
 * session over it first.
 */
export async function nextMinute(): Promise<void> {
  await sleep(60_000 - (Date.now() % 60_000) + 1_000);
}
