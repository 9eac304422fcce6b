// `codebuddy events tail`: the log as it grows. It survives a restart of the server: it goes on after the last event it printed.

import type { Command } from 'commander';
import type { StreamEvent } from '../client/index.ts';
import { shorten } from '../text.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { UsageError } from './exit-codes.ts';
import { oneLine, paint, print, printJsonLine } from './output.ts';

interface TailOptions extends ConnectionOptions {
  readonly after?: string;
  readonly type?: readonly string[];
  readonly session?: string;
  readonly run?: string;
  readonly deltas?: boolean;
}

export function add(program: Command): void {
  const events = program.command('events').description('The event log.');
  withConnection(events.command('tail').description('Prints events as they happen, until Ctrl-C.'))
    .option('--after <sequence>', 'start after this number; 0 is the beginning')
    .option('--type <type>', 'only these types, as tool.* or run.complete; may be repeated', collect)
    .option('--session <id>', 'only this session')
    .option('--run <id>', 'only this run')
    .option('--deltas', 'also pieces of text as they are made')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy events tail
  codebuddy events tail --after 0 --type 'tool.*'
  codebuddy events tail --json | jq -r .type`,
    )
    .action(tail);
}

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

async function tail(options: TailOptions): Promise<void> {
  if (options.after !== undefined && !/^\d{1,15}$/.test(options.after)) {
    throw new UsageError(`--after is ${options.after}; it must be a sequence number`);
  }
  await withClient(options, async (client, signal) => {
    const stream = client.events.stream({
      after: options.after === undefined ? undefined : Number(options.after),
      types: options.type,
      ...(options.session === undefined ? {} : { sessionId: options.session }),
      ...(options.run === undefined ? {} : { runId: options.run }),
      ...(options.deltas ? { deltas: true } : {}),
      signal,
    });
    for await (const event of stream) {
      if (options.json) printJsonLine(event);
      else print(describe(event));
    }
  });
}

function describe({ sequence, timestamp = '', type, data }: StreamEvent): string {
  const text = JSON.stringify(data);
  const shown = shorten(text, 160);
  const number = String(sequence ?? '').padStart(6);
  return `${paint('dim', `${number} ${timestamp.slice(11, 23)}`)} ${paint('cyan', oneLine(type).padEnd(17))} ${oneLine(shown)}`;
}
