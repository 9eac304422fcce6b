// Measures durable appends per second: rounds of 1 000 concurrent appends, each of which resolves after the fsync of its commit. The database is
// a file in node_modules, which is usually on a disk; on a tmpfs, the row says so.

import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { type BenchResult, type BenchRow, outcomeOf, printRows } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';

const concurrent = 1000;
const warmUpRounds = 10;
const rounds = 40;
const target = 20_000;
const tmpfsMagic = 0x01021994;

export function run(): Promise<BenchResult> {
  return onDisk(measure);
}

async function measure(folder: string): Promise<BenchResult> {
  const isDisk = statfsSync(folder).type !== tmpfsMagic;
  const store = await openSqliteStore({ path: join(folder, 'codebuddy.db') });
  const log = createEventLog({ store });
  const rates: number[] = [];
  try {
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      const begun = performance.now();
      await Promise.all(
        Array.from({ length: concurrent }, (_, n) =>
          log.append([
            {
              type: 'tool.start',
              sessionId: `ses_${n % 16}`,
              runId: `run_${n % 16}`,
              data: { callId: `call_${n}`, tool: 'read_file', params: { path: `src/file-${n}.ts` } },
            },
          ]),
        ),
      );
      const seconds = (performance.now() - begun) / 1000;
      if (round >= warmUpRounds) rates.push(concurrent / seconds);
    }
    const { last } = await log.bounds();
    if (last !== concurrent * (warmUpRounds + rounds)) throw new Error(`the log holds ${last} events`);
  } finally {
    await log.close();
    await store.close();
  }
  rates.sort((left, right) => left - right);
  const median = rates[rates.length >> 1] as number;
  const whole = (rate: number): string => Math.round(rate).toLocaleString('en-US').replaceAll(',', ' ');
  const row: BenchRow = {
    what: `${concurrent} concurrent appends, durable${isDisk ? '' : ' (on a tmpfs: no disk measured)'}`,
    value: `${whole(median)} events/s (slowest round ${whole(rates[0] as number)})`,
    target: `>= ${whole(target)} events/s`,
    outcome: outcomeOf(isDisk && median >= target),
  };
  return { name: 'append', rows: [row] };
}

if (import.meta.main) printRows((await run()).rows);
