// The flags of every command that talks to a server, and the client that they configure.

import type { Command } from 'commander';
import { CodeBuddyClient, type CodeBuddyClientOptions, CodeBuddyConnectionError } from '../client/index.ts';
import { type BusyLine, noBusyLine, startBusyLine } from './busy-line.ts';
import { invalid } from './option-values.ts';
import { withSettings } from './setting-flags.ts';
import { UsageError } from './usage-error.ts';

export interface ConnectionOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly home?: string;
  readonly json?: boolean;
  /** Start a local server if none is running. @default false */
  readonly autostart?: boolean;
}

/** Adds --url, --api-key, --home, --json and, for commands that may start a server, --no-autostart. */
export function withConnection(
  command: Command,
  { mayStart = true, json = true }: { readonly mayStart?: boolean; readonly json?: boolean } = {},
): Command {
  if (mayStart) command.option('--no-autostart', 'fail if no server is running, instead of starting one');
  withSettings(
    command
      .option(
        '--url <url>',
        'URL of the server (CODEBUDDY_URL; default: the local server)',
        serverUrl('--url'),
      )
      .option('--api-key <key>', 'API key (CODEBUDDY_API_KEY; default: the local key)', apiKey),
    ['home'],
  );
  if (json) command.option('--json', 'print JSON, errors included');
  return command;
}

/**
 * Calls `work` with a client and closes the client afterwards. Ctrl-C aborts the signal.
 * `busy`: what the terminal shows if it takes longer than a second; null for a command that shows it itself.
 */
export async function withClient(
  options: ConnectionOptions,
  work: (client: CodeBuddyClient, signal: AbortSignal, line: BusyLine) => Promise<void>,
  busy: string | null = 'Waiting for the server',
): Promise<void> {
  // The user or the script decides whether to try again.
  const client = await connect(options, { maxRetries: 0 });
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort);
  const line = busy === null ? noBusyLine : startBusyLine(busy);
  try {
    await work(client, controller.signal, line);
  } finally {
    line.end();
    process.off('SIGINT', abort);
    client.close();
  }
}

/** The options of the client, from flags and environment. */
export function clientOptionsOf({ url: flag, apiKey, home }: ConnectionOptions): CodeBuddyClientOptions {
  const fromEnvironment = process.env.CODEBUDDY_URL;
  const url = flag ?? (fromEnvironment ? serverUrl('CODEBUDDY_URL')(fromEnvironment) : undefined);
  return {
    ...(url === undefined ? {} : { url }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(home === undefined ? {} : { home }),
  };
}

/** `folder`: where a server that is started works, unless the settings name its workspace. */
export async function connect(
  options: ConnectionOptions,
  { folder, maxRetries }: { readonly folder?: string; readonly maxRetries?: number } = {},
): Promise<CodeBuddyClient> {
  const { autostart = false, home } = options;
  const clientOptions = { ...clientOptionsOf(options), ...(maxRetries === undefined ? {} : { maxRetries }) };
  try {
    return new CodeBuddyClient(clientOptions);
  } catch (error) {
    const isMissing = error instanceof CodeBuddyConnectionError && error.reason === 'not_running';
    if (!isMissing || !autostart) throw error;
  }
  const { startServer } = await import('./autostart.ts');
  await startServer(home, folder === undefined ? {} : { folder, isOrphan: true });
  return new CodeBuddyClient(clientOptions);
}

function serverUrl(name: string): (text: string) => string {
  return (text) => {
    if (/^https?:\/\/./.test(text) && URL.canParse(text)) return text;
    throw invalid(name, 'a URL such as http://127.0.0.1:3847', text);
  };
}

function apiKey(text: string): string {
  if (/^[\x21-\x7e]{1,512}$/.test(text)) return text;
  // The value is not shown: it may contain the key.
  throw new UsageError('--api-key must consist of 1 to 512 printable ASCII characters without spaces.');
}
