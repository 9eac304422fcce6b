// `codebuddy events tail`: prints the event log as it grows. After a restart of the server, it continues after the last
// event that it printed.

import type { Command } from 'commander';
import { shorten } from '../base/text.ts';
import type { CodeBuddyClient, StreamEvent } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
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

export function define(events: Command): void {
  withConnection(events.command('tail').description('Print events as they happen, until Ctrl-C.'))
    .addOption(
      new Flag(
        '--after <point>',
        'start after this sequence number (0: the beginning), time, date or age: 1200, 2026-11-29, 2h',
        { field: 'after' },
      ),
    )
    .addOption(
      new Flag('--type <type>', "only these types, such as run.complete or 'tool.*'; may be repeated", {
        field: 'types',
        parse: repeated(eventPattern('--type')),
      }),
    )
    .addOption(
      new Flag('--session <id>', 'only events of this session', {
        field: 'sessionId',
        parse: idOf('--session', 'ses'),
      }),
    )
    .addOption(
      new Flag('--run <id>', 'only events of this run', { field: 'runId', parse: idOf('--run', 'run') }),
    )
    .option('--deltas', 'include partial answers and tool output as they arrive')
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
  await withClient(
    options,
    async (client, signal) => {
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
    },
    'Waiting for events',
  );
}

/** Finds the sequence number of the last event before a time by binary search: both grow together. */
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
