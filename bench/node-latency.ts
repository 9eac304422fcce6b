// How long `emit` takes, beside a bare commit of the same rows, and how soon another node receives an event.

import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type BenchRow, rowOf } from './bench-result.ts';
import { createWebhooks, type NodeBench, startNodes, stopAll } from './node-bench.ts';
import { type NodeProcess, startNodeProcess } from './node-process.ts';
import { insertBareEvent } from './node-rows.ts';
import { alternate, quantile, spreadOf } from './rounds.ts';
import { payloadText } from './webhook-setup.ts';

const rounds = 3;
const singles = 150;

export async function measureEmit({ database, urls, receiver }: NodeBench): Promise<readonly BenchRow[]> {
  const url = await database();
  const [node] = (await startNodes({ place: { url }, payloadText }, 1)) as readonly [NodeProcess];
  await createWebhooks([node], urls);
  await receiver.reset();
  // The same tables, without a node.
  const bareUrl = await database();
  const schema = await startNodeProcess({ place: { url: bareUrl }, payloadText });
  await schema.stop();
  const client = new pg.Client({ connectionString: bareUrl });
  await client.connect();
  const { ours, bare, ratio } = await alternate(
    rounds,
    async () => quantile(await node.emitSingles(singles, 5), 0.99),
    async () => {
      const times: number[] = [];
      for (let n = 0; n < singles; n++) {
        const startedAt = performance.now();
        await insertBareEvent(client, urls.length, payloadText);
        times.push(performance.now() - startedAt);
        await wait(5);
      }
      return quantile(times, 0.99);
    },
  );
  await client.end();
  await node.stop();
  return [
    rowOf({
      what: `emit() p99 on PostgreSQL, ${urls.length} webhooks / p99 of one bare commit of the same rows`,
      measured: ratio,
      target: { atMost: 5 },
      seen: `${ours.median.toFixed(1)} ms, bare ${bare.median.toFixed(1)} ms`,
    }),
  ];
}

export async function measureFollower({ database }: NodeBench): Promise<readonly BenchRow[]> {
  const [writer, reader] = (await startNodes(
    { place: { url: await database() }, payloadText },
    2,
  )) as readonly [NodeProcess, NodeProcess];
  await reader.follow();
  await writer.emitSingles(20, 10);
  const p99s: number[] = [];
  let known = (await reader.followed()).length;
  for (let round = 0; round < rounds; round++) {
    await writer.emitSingles(singles, 10);
    while ((await reader.followed()).length < known + singles) await wait(5);
    p99s.push(quantile((await reader.followed()).slice(known), 0.99));
    known += singles;
  }
  await stopAll([writer, reader]);
  return [
    rowOf({
      what: 'p99 until another node receives an event, from before its emit()',
      measured: spreadOf(p99s),
      unit: 'ms',
      target: { atMost: 50 },
    }),
  ];
}
