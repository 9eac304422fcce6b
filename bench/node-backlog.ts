// How the cost of a delivery depends on how many wait.

import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type BenchRow, rowOf, wholeText } from './bench-result.ts';
import { createWebhooks, type NodeBench } from './node-bench.ts';
import { startNodeProcess } from './node-process.ts';
import { insertBacklog } from './node-rows.ts';
import { spreadOf } from './rounds.ts';
import { cpuMs } from './server-process.ts';
import { payloadText } from './webhook-setup.ts';

const rounds = 3;
const smallBacklog = 10_000;
const largeBacklog = 1_000_000;

/** The CPU of a node that drains a backlog. */
export async function measureBacklog(bench: NodeBench): Promise<readonly BenchRow[]> {
  const rates = async (pending: number): Promise<readonly number[]> => {
    const url = await bench.database();
    const node = await startNodeProcess({ place: { url }, payloadText });
    await createWebhooks([node], bench.urls);
    await node.stop();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await insertBacklog(client, pending, payloadText);
    await client.end();
    const found: number[] = [];
    await bench.receiver.reset();
    const drainer = await startNodeProcess({ place: { url }, payloadText });
    while ((await bench.receiver.count()) < 500) await wait(5);
    for (let round = 0; round < rounds; round++) {
      const [before, cpuBefore] = [await bench.receiver.count(), cpuMs(drainer.pid)];
      while ((await bench.receiver.count()) < before + 2500) await wait(2);
      const delivered = (await bench.receiver.count()) - before;
      found.push((cpuMs(drainer.pid) - cpuBefore) / delivered);
    }
    await drainer.stop();
    return found;
  };
  const small = await rates(smallBacklog);
  const large = await rates(largeBacklog);
  const micros = (values: readonly number[]): string => `${(spreadOf(values).median * 1000).toFixed(0)} µs`;
  return [
    rowOf({
      what: `CPU of a node for each delivery: ${wholeText(largeBacklog)} pending / ${wholeText(smallBacklog)}`,
      measured: spreadOf(large.map((value, round) => value / (small[round] ?? Number.NaN))),
      target: { atMost: 1.2 },
      seen: `${micros(large)}, ${micros(small)}`,
    }),
  ];
}
