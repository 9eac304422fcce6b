// Measures durable appends: rounds of 1 000 concurrent appends, each of which resolves after the fsync of its commit,
// beside a bare loop that writes the same rows in commits of 100. The databases are files in node_modules, which is
// usually on a disk.

import { join } from 'node:path';
import { makeId } from '../src/base/ids.ts';
import type { EventLog } from '../src/events/event-log.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { type BareStore, openBareStore } from './bare-commit.ts';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { alternate } from './rounds.ts';

const concurrent = 1000;
const perCommit = 100;
/** One round is 20 ms, so it is repeated. */
const repeats = 10;
const warmUpRounds = 1;
const rounds = 7;

export function run(): Promise<BenchResult> {
  return onDisk(measure);
}

async function measure(folder: string): Promise<BenchResult> {
  const store = await openSqliteStore({ path: join(folder, 'codebuddy.db') });
  const log = createEventLog({ store });
  const bareStore = await openBareStore(join(folder, 'bare.db'));
  try {
    const ours = (): Promise<number> => rate(() => appendAll(log));
    const bare = (): Promise<number> => rate(async () => insertAll(bareStore));
    await alternate(warmUpRounds, ours, bare);
    const { ours: our, bare: plain, ratio } = await alternate(rounds, ours, bare);
    const { last } = await log.bounds();
    if (last !== concurrent * repeats * (warmUpRounds + rounds))
      throw new Error(`the log holds ${last} events`);
    return {
      name: 'append',
      rows: [
        rowOf({
          what: `${wholeText(concurrent)} durable appends at once / a bare loop of the same rows in commits of ${perCommit}`,
          measured: ratio,
          target: { atLeast: 0.5 },
          seen: `${wholeText(our.median)} / s, bare ${wholeText(plain.median)} / s`,
          quote: `${wholeText(concurrent)} concurrent durable appends / a bare SQLite loop in commits of ${perCommit}`,
        }),
      ],
    };
  } finally {
    bareStore.close();
    await log.close();
    await store.close();
  }
}

async function rate(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  for (let n = 0; n < repeats; n++) await work();
  return (concurrent * repeats * 1000) / (performance.now() - startedAt);
}

const dataOf = (n: number) => ({
  callId: `call_${n}`,
  tool: 'read_file',
  params: { path: `src/file-${n}.ts` },
});

async function appendAll(log: EventLog): Promise<void> {
  await Promise.all(
    Array.from({ length: concurrent }, (_, n) =>
      log.append([
        { type: 'tool.start', sessionId: `ses_${n % 16}`, runId: `run_${n % 16}`, data: dataOf(n) },
      ]),
    ),
  );
}

function insertAll(store: BareStore): void {
  for (let from = 0; from < concurrent; from += perCommit) {
    store.commit(({ appendEvent }) => {
      for (let n = from; n < from + perCommit; n++) {
        const now = Date.now();
        const data = JSON.stringify(dataOf(n));
        appendEvent.run(makeId('evt', now), 'tool.start', now, `ses_${n % 16}`, `run_${n % 16}`, data);
      }
    });
  }
}

if (import.meta.main) printRows((await run()).rows);
