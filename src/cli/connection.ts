// The options that every command talking to a server takes, and the client they make.

import type { Command } from 'commander';
import { CodeBuddyClient } from '../client/index.ts';
import { UsageError } from './usage-error.ts';

export interface ConnectionOptions {
  readonly url?: string;
  readonly apiKey?: string;
  readonly home?: string;
  readonly json?: boolean;
}

/** Adds --url, --api-key, --home and --json. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'the server (default: the one running for the config folder)', serverUrl('--url'))
    .option('--api-key <key>', 'the API key (default: CODEBUDDY_API_KEY, else the local key)', apiKey)
    .option('--home <folder>', 'the config folder (default: CODEBUDDY_HOME, else ~/.codebuddy)')
    .option('--json', 'print one JSON document, or JSON lines where there are many; errors too');
}

/** Runs with a client and closes it; Ctrl-C aborts the signal. */
export async function withClient(
  options: ConnectionOptions,
  work: (client: CodeBuddyClient, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const fromEnvironment = process.env.CODEBUDDY_URL;
  const url = options.url ?? (fromEnvironment ? serverUrl('CODEBUDDY_URL')(fromEnvironment) : undefined);
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

function serverUrl(name: string): (text: string) => string {
  return (text) => {
    if (/^https?:\/\/./.test(text) && URL.canParse(text)) return text;
    throw new UsageError(`${name} is ${JSON.stringify(text)}; it must be as http://127.0.0.1:3847`);
  };
}

function apiKey(text: string): string {
  if (/^[\x21-\x7e]{1,512}$/.test(text)) return text;
  // Not shown: it may be the key with something pasted beside it.
  throw new UsageError('--api-key must be visible ASCII characters without spaces');
}
