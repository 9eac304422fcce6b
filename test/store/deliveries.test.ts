// Deliveries, their payloads, and the state of webhooks, in both stores.

import { describe, expect, test } from 'vitest';
import type { DeliveryChange, NewDeliveries } from '../../src/store/delivery-store.ts';
import type { Store, Write } from '../../src/store/store.ts';
import { stores } from './stores.ts';
import { eventRow, newEvent } from './temporary-store.ts';

function outbox(...ids: readonly (readonly [id: string, webhookId: string])[]): NewDeliveries {
  return {
    payload: { head: '{"sequence":', tail: null },
    hop: 1,
    trace: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01 vendor=é`,
    createdAt: 100,
    expiresAt: 900,
    deliveries: ids.map(([id, webhookId]) => ({ id, webhookId })),
  };
}

function append(id: string, box: NewDeliveries, data = '{"a":1}'): Write {
  return { kind: 'appendEvent', event: eventRow({ id, type: 'done', data }), outbox: box };
}

function changeOf(
  id: string,
  sequence: number,
  webhookId: string,
  more: Partial<DeliveryChange> = {},
): Write {
  const change = { id, sequence, webhookId, status: 'pending' as const, attempts: 1, tries: 1, pauses: 0 };
  return {
    kind: 'changeDelivery',
    change: { ...change, nextAttemptAt: null, endedAt: null, reason: null, ...more },
  };
}

const text = async (store: Store, sequence: number): Promise<string | undefined> => {
  const payload = await store.getPayload(sequence);
  return payload && Buffer.from(payload).toString();
};

describe.each(stores)('$name', ({ open }) => {
  test('an event, its payload and its deliveries are written together', async () => {
    const store = await open();
    const data = '{"text":"é😀"}';
    await store.write([newEvent(), append('evt_1', outbox(['d1', 'w1'], ['d2', 'w2']), data)]);
    expect(await text(store, 2)).toBe(`{"sequence":2,"data":${data}}`);
    expect(await store.getDelivery('d1')).toEqual({
      ...{ id: 'd1', webhookId: 'w1', sequence: 2, eventId: 'evt_1', eventType: 'done', status: 'pending' },
      ...{ hop: 1, attempts: 0, tries: 0, pauses: 0, createdAt: 100, expiresAt: 900, nextAttemptAt: null },
      ...{ endedAt: null, reason: null, answered: 'nothing', attemptLog: '[]', trace: outbox().trace },
    });
    expect(await store.getDelivery('none')).toBeUndefined();
    expect(await store.getPayload(1)).toBeUndefined();
    expect(await store.freshDeliveries('w2', [1, 2])).toMatchObject([{ id: 'd2', trace: outbox().trace }]);
    expect(await store.oldestFresh()).toBe(100);
  });

  test('many payloads that are asked for at once are each the right one', async () => {
    const store = await open();
    const count = 300;
    await store.write(
      Array.from({ length: count }, (_, n) => append(`evt_${n}`, outbox([`d${n}`, 'w1']), `{"n":${n}}`)),
    );
    // The last does not exist, and some are asked for twice.
    const asked = [...Array.from({ length: count + 1 }, (_, n) => n + 1), 1, count];
    const found = await Promise.all(asked.map((sequence) => text(store, sequence)));
    expect(found).toEqual(
      asked.map((sequence) =>
        sequence > count ? undefined : `{"sequence":${sequence},"data":{"n":${sequence - 1}}}`,
      ),
    );
  });

  test('fresh places are read in pages, by event and then by webhook', async () => {
    const store = await open();
    await store.write([
      append('evt_1', outbox(['d1', 'w2'], ['d2', 'w1'])),
      append('evt_2', outbox(['d3', 'w1'])),
    ]);
    const places = [
      { sequence: 1, webhookId: 'w1' },
      { sequence: 1, webhookId: 'w2' },
      { sequence: 2, webhookId: 'w1' },
    ];
    expect(await store.freshPlaces(undefined, 9)).toEqual(places);
    expect(await store.freshPlaces(places[0], 1)).toEqual([places[1]]);
    expect(await store.freshPlaces(places[1], 9)).toEqual([places[2]]);
  });

  test('a delivery waits, is tried and ends; one that has ended is not changed', async () => {
    const store = await open();
    await store.write([
      append('evt_1', outbox(['d1', 'w1'], ['d2', 'w1'])),
      append('evt_2', outbox(['d3', 'w2'])),
    ]);
    await store.write([
      changeOf('d1', 1, 'w1', { nextAttemptAt: 500, reason: 'http_error', attempt: '{"statusCode":503}' }),
      changeOf('d2', 1, 'w1', { nextAttemptAt: 300, reason: 'timeout', attempt: '{"outcome":"timeout"}' }),
    ]);
    expect((await store.waitingDeliveries('w1', 400, 9)).map(({ id }) => id)).toEqual(['d2']);
    expect((await store.waitingDeliveries('w1', 500, 9)).map(({ id }) => id)).toEqual(['d2', 'd1']);
    expect(await store.nextWaiting('w1', 300)).toBe(500);
    expect(await store.nextWaiting('w1', 500)).toBeUndefined();
    expect(await store.waitingCounts()).toEqual([
      { webhookId: 'w1', count: 2, nextAttemptAt: 300, oldestCreatedAt: 100 },
    ]);
    // Both changes in one commit keep their order.
    await store.write([
      changeOf('d1', 1, 'w1', { tries: 2, nextAttemptAt: 700, attempt: '{"statusCode":500}' }),
      changeOf('d1', 1, 'w1', { tries: 3, status: 'success', endedAt: 800, attempt: '{"statusCode":200}' }),
    ]);
    const ended = await store.getDelivery('d1');
    expect(ended).toMatchObject({ status: 'success', tries: 3, endedAt: 800, answered: 'error' });
    expect(ended?.attemptLog).toBe('[{"statusCode":503},{"statusCode":500},{"statusCode":200}]');
    await store.write([changeOf('d1', 1, 'w1', { status: 'failed', endedAt: 900 })]);
    expect(await store.getDelivery('d1')).toEqual(ended);
    expect(await store.endedCounts()).toEqual({ success: 1, failed: 0, cancelled: 0 });
    expect(await store.pendingAmong('w1', [2, 1])).toEqual([1]);
    await store.write([{ kind: 'requeueDelivery', id: 'd1', expiresAt: 5000 }]);
    expect(await store.getDelivery('d1')).toMatchObject({
      ...{ status: 'pending', attempts: 0, tries: 3, expiresAt: 5000, endedAt: null, reason: null },
      attemptLog: ended?.attemptLog,
    });
  });

  test('deliveries are listed newest first, by each filter', async () => {
    const store = await open();
    await store.write([
      append('evt_1', outbox(['d1', 'w1'], ['d2', 'w2'])),
      append('evt_2', { ...outbox(['d3', 'w1']), createdAt: 200 }),
    ]);
    await store.write([changeOf('d1', 1, 'w1', { status: 'failed', endedAt: 9 })]);
    const ids = async (query: Partial<Parameters<Store['listDeliveries']>[0]>) =>
      (await store.listDeliveries({ limit: 9, ...query })).map(({ id }) => id);
    expect(await ids({})).toEqual(['d3', 'd2', 'd1']);
    expect(await ids({ limit: 1, beforeId: 'd3' })).toEqual(['d2']);
    expect(await ids({ webhookId: 'w1' })).toEqual(['d3', 'd1']);
    expect(await ids({ status: 'failed' })).toEqual(['d1']);
    expect(await ids({ status: 'pending' })).toEqual(['d3', 'd2']);
    expect(await ids({ eventId: 'evt_1' })).toEqual(['d2', 'd1']);
    expect(await ids({ eventType: 'none' })).toEqual([]);
    expect(await ids({ since: 150 })).toEqual(['d3']);
  });

  test('failed deliveries are counted for each webhook, by each filter', async () => {
    const store = await open();
    await store.write([
      append('evt_1', outbox(['d1', 'w1'], ['d2', 'w2'], ['d3', 'w3'])),
      append('evt_2', { ...outbox(['d4', 'w1']), createdAt: 200 }),
    ]);
    const failed = { status: 'failed' as const, endedAt: 9 };
    await store.write([
      changeOf('d1', 1, 'w1', failed),
      changeOf('d2', 1, 'w2', failed),
      changeOf('d3', 1, 'w3', { status: 'success', endedAt: 9 }),
      changeOf('d4', 2, 'w1', failed),
    ]);
    const counts = async (query: Parameters<Store['countFailed']>[0]) =>
      Object.fromEntries((await store.countFailed(query)).map(({ webhookId, count }) => [webhookId, count]));
    expect(await counts({})).toEqual({ w1: 2, w2: 1 });
    expect(await counts({ webhookId: 'w2' })).toEqual({ w2: 1 });
    expect(await counts({ since: 150 })).toEqual({ w1: 1 });
    expect(await counts({ eventType: 'none' })).toEqual({});
  });

  test('a replay uses the payload that is stored, or makes one', async () => {
    const store = await open();
    await store.write([append('evt_1', outbox(['d1', 'w1'])), newEvent({ id: 'evt_2' })]);
    const replay = (sequence: number, eventId: string, box: NewDeliveries): Write => {
      return { kind: 'addDeliveries', sequence, eventId, eventType: 'done', data: '{"b":2}', outbox: box };
    };
    await store.write([
      replay(1, 'evt_1', outbox(['d2', 'w2'])),
      replay(1, 'evt_1', outbox(['d3', 'w3'])),
      replay(2, 'evt_2', outbox(['d4', 'w1'])),
    ]);
    expect(await text(store, 1)).toBe('{"sequence":1,"data":{"a":1}}');
    expect(await text(store, 2)).toBe('{"sequence":2,"data":{"b":2}}');
    // The payload is kept as long as one delivery needs it.
    const end = { status: 'success' as const, endedAt: 10 };
    await store.write([changeOf('d1', 1, 'w1', end), changeOf('d2', 1, 'w2', end)]);
    expect(await store.clearDeliveries(undefined, 9)).toBe(2);
    expect(await text(store, 1)).toBeDefined();
    await store.write([changeOf('d3', 1, 'w3', end)]);
    expect(await store.clearDeliveries('w3', 9)).toBe(1);
    expect(await text(store, 1)).toBeUndefined();
    expect(await text(store, 2)).toBeDefined();
  });

  test('ended deliveries are pruned oldest first: the excess of any age, then the old ones', async () => {
    const store = await open();
    const all = [1, 2, 3, 4, 5].map((n) => ({ ...outbox([`d${n}`, 'w1']), createdAt: n * 100 }));
    await store.write(all.map((box, index) => append(`evt_${index}`, box)));
    const end = { status: 'failed' as const, endedAt: 10 };
    await store.write([1, 2, 3, 4].map((n) => changeOf(`d${n}`, n, 'w1', end)));
    expect(await store.pruneDeliveries({ before: 0, excess: 1, max: 9 })).toBe(1);
    expect(await store.pruneDeliveries({ before: 400, excess: 0, max: 1 })).toBe(1);
    expect(await store.pruneDeliveries({ before: 400, excess: 0, max: 9 })).toBe(1);
    expect((await store.listDeliveries({ limit: 9 })).map(({ id }) => id)).toEqual(['d5', 'd4']);
    expect(await text(store, 3)).toBeUndefined();
    expect(await text(store, 4)).toBeDefined();
  });

  test('waiting deliveries are hastened, pulled, freshened and cancelled', async () => {
    const store = await open();
    const ids = ['d1', 'd2', 'd3'];
    await store.write(ids.map((id, index) => append(`evt_${index}`, outbox([id, 'w1']))));
    await store.write([
      changeOf('d1', 1, 'w1', { nextAttemptAt: 1000, reason: 'http_error' }),
      changeOf('d2', 2, 'w1', { nextAttemptAt: 5000, reason: 'http_error' }),
      changeOf('d3', 3, 'w1', { nextAttemptAt: 9000, reason: 'timeout' }),
    ]);
    const due = async () =>
      Object.fromEntries(
        (await store.waitingDeliveries('w1', 1e6, 9)).map((row) => [row.id, row.nextAttemptAt]),
      );
    expect(await store.hastenWaiting('w1', { now: 100, withinMs: 1000, max: 9 })).toBe(2);
    expect(await due()).toEqual({ d1: 100, d2: 5000, d3: 100 });
    expect(await store.pullWaiting(4000, 200, 9)).toBe(1);
    expect(await due()).toEqual({ d1: 100, d2: 200, d3: 100 });
    expect(await store.freshenWaiting('w1', 2)).toHaveLength(2);
    expect(Object.keys(await due())).toHaveLength(1);
    expect(await store.cancelPending('w1', [1, 2, 9], { reason: 'removed', endedAt: 77 })).toBe(2);
    expect(await store.getDelivery('d1')).toMatchObject({
      status: 'cancelled',
      reason: 'removed',
      endedAt: 77,
    });
    expect(await store.endedCounts()).toEqual({ success: 0, failed: 0, cancelled: 2 });
  });

  test('states and webhooks of runs are put, replaced and deleted', async () => {
    const store = await open();
    const webhook = { webhookId: 'w1', runId: 'run_1', config: '{"a":1}', createdAt: 5 };
    await store.write([
      { kind: 'putWebhookState', row: { webhookId: 'w1', state: '{}' } },
      { kind: 'putWebhookState', row: { webhookId: 'w1', state: '{"x":1}' } },
      { kind: 'putRunWebhook', row: webhook },
      { kind: 'putRunWebhook', row: { ...webhook, config: '{"a":2}' } },
    ]);
    expect(await store.listWebhookStates()).toEqual([{ webhookId: 'w1', state: '{"x":1}' }]);
    expect(await store.listRunWebhooks()).toEqual([{ ...webhook, config: '{"a":2}' }]);
    await store.write([
      { kind: 'deleteWebhookState', webhookId: 'w1' },
      { kind: 'deleteRunWebhook', webhookId: 'w1' },
    ]);
    expect(await store.listWebhookStates()).toEqual([]);
    expect(await store.listRunWebhooks()).toEqual([]);
  });
});
