// The options that every command talking to a server takes, and the client they make.

import type { Command } from 'commander';
import { CodeBuddyClient } from '../client/index.ts';

export interface ConnectionOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly home?: string;
  readonly json?: boolean;
}

/** Adds --url, --api-key, --home and --json. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'the server (default: the one running for the config folder)')
    .option('--api-key <key>', 'the API key (default: CODEBUDDY_API_KEY, else the local key)')
    .option('--home <folder>', 'the config folder (default: CODEBUDDY_HOME, else ~/.codebuddy)')
    .option('--json', 'print JSON');
}

/** Runs with a client and closes it; Ctrl-C aborts the signal. */
export async function withClient(
  options: ConnectionOptions,
  work: (client: CodeBuddyClient, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const url = options.url ?? (process.env.CODEBUDDY_URL || undefined);
  const client = new CodeBuddyClient({
    ...(url === undefined ? {} : { url }),
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
    ...(options.home === undefined ? {} : { home: options.home }),
  });
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort);
  try {
    await work(client, controller.signal);
  } finally {
    process.off('SIGINT', abort);
    client.close();
  }
}
