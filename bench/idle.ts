// Measures what a server costs while it gets no requests: its CPU time, and how many timers fire. Two servers are
// measured at the same time, because counting timers costs CPU time itself.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BenchResult, printRows, rowOf } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { spreadOf } from './rounds.ts';
import { cpuMs, startServer } from './server-process.ts';

/** Work after the start (looking for local models, watching files) is over by then. */
const settleMs = 8000;
const windows = 3;
const windowMs = 20_000;

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const timersFile = join(folder, 'timers');
    const folderOf = (name: string): string => {
      mkdirSync(join(folder, name));
      return join(folder, name);
    };
    const server = await startServer({ folder: folderOf('cpu') });
    const counted = await startServer({
      folder: folderOf('timers-of'),
      environment: {
        NODE_OPTIONS: `--import ${fileURLToPath(new URL('./timer-count.ts', import.meta.url))}`,
        BENCH_TIMERS_FILE: timersFile,
      },
    });
    const fired = (): readonly string[] =>
      existsSync(timersFile) ? readFileSync(timersFile, 'utf8').split('\n').filter(Boolean) : [];
    try {
      await wait(settleMs);
      const shares: number[] = [];
      const perSecond: number[] = [];
      const first = fired().length;
      for (let round = 0; round < windows; round++) {
        const cpuBefore = cpuMs(server.pid);
        const firedBefore = fired().length;
        const startedAt = performance.now();
        await wait(windowMs);
        const elapsed = performance.now() - startedAt;
        shares.push(((cpuMs(server.pid) - cpuBefore) / elapsed) * 100);
        perSecond.push(((fired().length - firedBefore) / elapsed) * 1000);
      }
      const seconds = (windows * windowMs) / 1000;
      const places = fired().slice(first);
      return {
        name: 'idle',
        rows: [
          rowOf({
            what: `CPU while idle for ${seconds} s`,
            measured: spreadOf(shares),
            unit: '%',
            target: { atMost: 0.1 },
          }),
          rowOf({
            what: 'timers that fire while idle',
            measured: spreadOf(perSecond),
            unit: '/ s',
            target: { atMost: 1 },
            seen: `${places.length} in ${seconds} s${places.length === 0 ? '' : `, most of ${mostFrequent(places)}`}`,
          }),
        ],
      };
    } finally {
      await Promise.all([server.stop(), counted.stop()]);
    }
  });
}

function mostFrequent(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left)[0]?.[0] ?? '';
}

if (import.meta.main) printRows((await run()).rows);
