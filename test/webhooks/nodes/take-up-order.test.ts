// The events of other nodes that arrive while a node becomes the owner of an ordered webhook.

import { expect, onTestFinished, test } from 'vitest';
import type { SharedWebhookStore } from '../../../src/store/shared-webhook-store.ts';
import { waitFor } from '../../wait-for.ts';
import { startReceiver } from '../recording-receiver.ts';
import { patient, startNodeBench, toolStart } from './start-nodes.ts';

type Read = 'freshPlacesOf' | 'newDeliveries';

/** Reads that wait until the test lets them go. */
function holdReads() {
  const gates = { freshPlacesOf: createGate(), newDeliveries: createGate() };
  function held<Query extends readonly unknown[], Row>(
    name: Read,
    read: (...query: Query) => Promise<readonly Row[]>,
  ): (...query: Query) => Promise<readonly Row[]> {
    return async (...query) => {
      const rows = await read(...query);
      gates[name].reached = true;
      await gates[name].opened;
      return rows;
    };
  }
  return {
    holding: (store: SharedWebhookStore): SharedWebhookStore => ({
      ...store,
      freshPlacesOf: held('freshPlacesOf', store.freshPlacesOf),
      newDeliveries: held('newDeliveries', store.newDeliveries),
    }),
    reached: (name: Read) => waitFor(`a read with ${name}`, () => gates[name].reached),
    letGo: (name: Read) => gates[name].open(),
  };
}

function createGate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  onTestFinished(() => open());
  return { opened, open, reached: false };
}

test('a new owner of an ordered webhook sends its own events after the earlier ones of other nodes', async () => {
  const { start } = await startNodeBench(patient);
  const first = await start();
  const receivers = [await startReceiver(), await startReceiver()];
  for (const { url } of receivers) await first.engine.create({ url, events: ['tool.*'], ordered: true });
  const reads = holdReads();
  const second = await start(undefined, (store) => ({
    ...store,
    webhooks: store.webhooks && reads.holding(store.webhooks),
  }));
  // It becomes the owner of one of them.
  await reads.reached('freshPlacesOf');
  const emitted = [await first.engine.emit(toolStart(1))];
  await reads.reached('newDeliveries');
  emitted.push(await second.engine.emit(toolStart(2)));
  reads.letGo('freshPlacesOf');
  const moved = await waitFor('the owner', async () =>
    (await first.engine.list()).find(({ id }) => second.ownership.lanes.isOwn(id)),
  );
  // The owner answers when it has read what is pending.
  await first.engine.update(moved.id, { description: 'moved' });
  reads.letGo('newDeliveries');
  await second.engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
  for (const { requests } of receivers)
    expect(requests.map(({ body }) => JSON.parse(body.toString()).data.params.n)).toEqual([1, 2]);
});
