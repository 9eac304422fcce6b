// The cost of a burst of deliveries for the webhooks of another node, counted in reads and in the rows they return.

import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { startReceiver } from '../recording-receiver.ts';
import { patient, startNodeBench, toolStart, type WebhookNode } from './start-nodes.ts';

interface Reads {
  /** Reads of new deliveries: each is one query. */
  arrivals: number;
  arrivedRows: number;
  /** Deliveries that were read again when their turn came. */
  freshRows: number;
}

/** Two nodes that own three webhooks each; counts what the second one reads. */
async function startCounted() {
  const { start, sql } = await startNodeBench(patient);
  const reads: Reads = { arrivals: 0, arrivedRows: 0, freshRows: 0 };
  const first = await start();
  const second = await start(undefined, (store) => ({
    ...store,
    async freshDeliveries(...args) {
      const rows = await store.freshDeliveries(...args);
      reads.freshRows += rows.length;
      return rows;
    },
    webhooks: store.webhooks && {
      ...store.webhooks,
      async newDeliveries(...args) {
        const rows = await store.webhooks?.newDeliveries(...args);
        reads.arrivals++;
        reads.arrivedRows += rows?.length ?? 0;
        return rows ?? [];
      },
    },
  }));
  const receiver = await startReceiver();
  for (let n = 0; n < 6; n++)
    await first.engine.create({ url: receiver.url, events: ['tool.*'], timeout: 60_000 });
  const owned = async ({ engine, ownership }: WebhookNode): Promise<number> =>
    (await engine.list()).filter(({ id }) => ownership.lanes.isOwn(id)).length;
  await waitFor('even shares', async () => (await owned(first)) === 3 && (await owned(second)) === 3);
  // Until a new owner has read what was pending, new deliveries go to the store.
  await first.engine.emit(toolStart(0));
  await receiver.received(6);
  const recorded = (count: number): Promise<boolean> =>
    waitFor(`${count} deliveries to be recorded`, async () => {
      const rows = await sql("SELECT count(*) AS n FROM deliveries WHERE status = 'success'");
      return rows[0]?.n === String(count);
    });
  await recorded(6);
  Object.assign(reads, { arrivals: 0, arrivedRows: 0, freshRows: 0 });
  return { first, receiver, reads, recorded };
}

test('an owner reads a row for each event of another node, and no delivery twice', async () => {
  const { first, receiver, reads, recorded } = await startCounted();
  // More than can be sent at the same time.
  const events = 600;
  await Promise.all(Array.from({ length: events }, (_, n) => first.engine.emit(toolStart(n))));
  const all = (events + 1) * 6;
  await receiver.received(all);
  await recorded(all);
  expect(receiver.requests).toHaveLength(all);
  expect(reads.arrivedRows).toBe(events);
  expect(reads.freshRows).toBe(0);
});

test('an owner with enough to send reads further arrivals in batches', async () => {
  const { first, receiver, reads } = await startCounted();
  const held = receiver.hold();
  await Promise.all(Array.from({ length: 100 }, (_, n) => first.engine.emit(toolStart(n))));
  await waitFor('the first ones to be read', () => reads.arrivedRows === 100);
  const before = reads.arrivals;
  const startedAt = performance.now();
  for (let n = 0; n < 60; n++) {
    await first.engine.emit(toolStart(n));
    await pause(5);
  }
  await waitFor('the others to be read', () => reads.arrivedRows === 160);
  // The timers of an interval may be a few milliseconds early.
  const most = (performance.now() - startedAt) / 55 + 2;
  expect(reads.arrivals - before).toBeLessThanOrEqual(most);
  receiver.answer((_request, response) => response.end('ok'));
  for (const response of held) response.end('ok');
  await receiver.received(161 * 6);
});

test('a wait for many deliveries does not use all connections to the database', async () => {
  const { start } = await startNodeBench(patient);
  let readsNow = 0;
  let mostReads = 0;
  const node = await start(undefined, (store) => ({
    ...store,
    async getDelivery(id) {
      mostReads = Math.max(mostReads, ++readsNow);
      try {
        return await store.getDelivery(id);
      } finally {
        readsNow--;
      }
    },
  }));
  const receiver = await startReceiver();
  await node.engine.create({ url: receiver.url, events: ['tool.*'] });
  const emitted = await Promise.all(Array.from({ length: 100 }, (_, n) => node.engine.emit(toolStart(n))));
  const ended = await node.engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
  expect(ended.map(({ status }) => status)).toEqual(emitted.map(() => 'success'));
  expect(mostReads).toBe(1);
});
