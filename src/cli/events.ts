// `codebuddy events tail`: the log as it grows. It survives a restart of the server: it goes on after the last event it printed.

import type { Command } from 'commander';
import { shorten } from '../base/text.ts';
import type { CodeBuddyClient, StreamEvent } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { idOf } from './id-argument.ts';
import { localClock } from './local-time.ts';
import { eventPattern, repeated } from './option-values.ts';
import { oneLine, paint, print, printJsonLine } from './output.ts';
import { readPoint } from './time-point.ts';

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
    .option(
      '--after <point>',
      'start after this sequence number (0: the beginning), date or time, or this long ago: 2026-11-29, 2h',
    )
    .option(
      '--type <type>',
      'only these types, as tool.* or run.complete; may be repeated',
      repeated(eventPattern('--type')),
    )
    .option('--session <id>', 'only this session', idOf('--session', 'ses'))
    .option('--run <id>', 'only this run', idOf('--run', 'run'))
    .option('--deltas', 'also pieces of text as they are made')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy events tail
  codebuddy events tail --after 0 --type 'tool.*'
  codebuddy events tail --after 2h
  codebuddy events tail --json | jq -r .type`,
    )
    .action(tail);
}

async function tail(options: TailOptions): Promise<void> {
  const point = options.after === undefined ? undefined : readPoint('--after', options.after);
  await withClient(options, async (client, signal) => {
    const after = typeof point === 'string' ? await sequenceBefore(client, point, signal) : point;
    const stream = client.events.stream({
      after,
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

/** The number of the last event before a time. Numbers grow with time, so halving finds it. */
async function sequenceBefore(client: CodeBuddyClient, time: string, signal: AbortSignal): Promise<number> {
  const [newest] = (await client.events.list({ order: 'desc', limit: 1 }, { signal })).events;
  let low = 0;
  let high = newest?.sequence ?? 0;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const [event] = (await client.events.list({ after: middle - 1, limit: 1 }, { signal })).events;
    if (event !== undefined && Date.parse(event.timestamp) < Date.parse(time))
      low = Math.max(event.sequence, middle);
    else high = middle - 1;
  }
  return low;
}

function describe({ sequence, timestamp = '', type, data }: StreamEvent): string {
  const text = JSON.stringify(data);
  const shown = shorten(text, 160);
  const number = String(sequence ?? '').padStart(6);
  return `${paint('dim', `${number} ${localClock(timestamp)}`)} ${paint('cyan', oneLine(type).padEnd(17))} ${oneLine(shown)}`;
}
