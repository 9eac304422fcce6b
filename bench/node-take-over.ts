// How soon a node takes the webhooks of another one over.

import { setTimeout as wait } from 'node:timers/promises';
import { type BenchRow, rowOf } from './bench-result.ts';
import { createWebhooks, type NodeBench, startNodes } from './node-bench.ts';
import type { NodeProcess } from './node-process.ts';
import { spreadOf } from './rounds.ts';
import { payloadText } from './webhook-setup.ts';

const rounds = 3;
/** A node declares no other node dead this soon after it has joined. */
const graceMs = 11_000;

export async function measureTakeOver({ database, urls }: NodeBench): Promise<readonly BenchRow[]> {
  const signals = [
    ['SIGKILL', 'kill -9', 2000],
    ['SIGSTOP', 'SIGSTOP', 12_000],
  ] as const;
  const rows: BenchRow[] = [];
  for (const [signal, name, atMost] of signals) {
    const times: number[] = [];
    for (let round = 0; round < (signal === 'SIGKILL' ? rounds : 1); round++) {
      const [gone, heir] = (await startNodes(
        { place: { url: await database() }, payloadText },
        2,
      )) as readonly [NodeProcess, NodeProcess];
      await createWebhooks([gone, heir], urls);
      await wait(graceMs);
      const startedAt = performance.now();
      gone.child.kill(signal);
      while ((await heir.owned()) < urls.length) await wait(5);
      times.push(performance.now() - startedAt);
      gone.child.kill('SIGKILL');
      await heir.stop();
    }
    rows.push(
      rowOf({
        what: `take-over of ${urls.length / 2} webhooks after ${name}`,
        measured: spreadOf(times),
        unit: 'ms',
        target: { atMost },
      }),
    );
  }
  return rows;
}
