// The registry of webhooks in the database, and the reads of an owner.

import { expect, test } from 'vitest';
import type { SharedWebhookStore } from '../../../src/store/shared-webhook-store.ts';
import type { Store, Write } from '../../../src/store/store.ts';
import { postgresUrl, startPostgres } from '../../postgres/postgres-url.ts';
import { openPostgres } from '../stores.ts';
import { eventRow } from '../temporary-store.ts';

function webhooksOf({ webhooks }: Store): SharedWebhookStore {
  if (webhooks === undefined) throw new Error('The store has no registry.');
  return webhooks;
}

function append(id: string, ...webhookIds: readonly string[]): Write {
  return {
    kind: 'appendEvent',
    event: eventRow({ id, type: 'done', data: `{"of":"${id}"}` }),
    outbox: {
      ...{ payload: { head: '{"sequence":', tail: null }, hop: 0, createdAt: 100, expiresAt: 900 },
      trace: `trace of ${id}`,
      deliveries: webhookIds.map((webhookId) => ({ id: `dlv_${id}_${webhookId}`, webhookId })),
    },
  };
}

test('an entry is changed only from its current version', async () => {
  const url = await postgresUrl();
  const webhooks = webhooksOf(await openPostgres(url));
  const others = webhooksOf(await openPostgres(url));
  const entry = { id: 'whk_1', runId: null, entry: '{"a":1}' };
  const first = await webhooks.registry.change({ ...entry, expected: undefined });
  expect(first).toBeGreaterThan(0);
  // It exists.
  expect(await others.registry.change({ ...entry, expected: undefined })).toBeUndefined();
  const results = await Promise.all(
    [webhooks, others].map((each, n) =>
      each.registry.change({ ...entry, entry: `{"b":${n}}`, expected: first }),
    ),
  );
  expect(results.filter((version) => version !== undefined)).toHaveLength(1);
  const second = results.find((version) => version !== undefined);
  expect(await others.registry.entries(0)).toEqual([
    { id: 'whk_1', runId: null, entry: `{"b":${results.indexOf(second)}}`, version: second },
  ]);
  expect(await others.registry.entries(first ?? 0)).toHaveLength(1);
  expect(await others.registry.entries(second ?? 0)).toEqual([]);
});

test('nodes that knew the entry learn of its removal, and the id can be used again', async () => {
  const store = await openPostgres();
  const webhooks = webhooksOf(store);
  const entry = { id: 'whk_1', runId: null, entry: '{"a":1}' };
  const first = (await webhooks.registry.change({ ...entry, expected: undefined })) ?? 0;
  await store.write([{ kind: 'putWebhookState', row: { webhookId: 'whk_1', state: '{"failures":1}' } }]);
  expect(await webhooks.webhookStatesOf(['whk_1', 'whk_2'])).toHaveLength(1);
  const removed = await webhooks.registry.change({ ...entry, entry: null, expected: first });
  expect(await webhooks.registry.entries(0)).toEqual([]);
  expect(await webhooks.registry.entries(first)).toEqual([
    { id: 'whk_1', runId: null, entry: null, version: removed },
  ]);
  expect(await webhooks.webhookStatesOf(['whk_1'])).toEqual([]);
  expect(await webhooks.registry.change({ ...entry, expected: removed })).toBeUndefined();
  const again = await webhooks.registry.change({
    ...entry,
    entry: 'text with \u0000',
    expected: undefined,
  });
  expect(await webhooks.registry.entries(removed ?? 0)).toEqual([
    { id: 'whk_1', runId: null, entry: 'text with \u0000', version: again },
  ]);
});

test('an owner reads the fresh deliveries of its webhooks only', async () => {
  const store = await openPostgres();
  const webhooks = webhooksOf(store);
  await store.write([append('1', 'w1', 'w2'), append('2', 'w2'), append('3', 'w1', 'w3'), append('4', 'w1')]);
  const places = async (ids: readonly string[], after: number, upTo: number, limit: number) =>
    (await webhooks.freshPlacesOf(ids, { after, upTo, limit })).map(({ webhookId, sequence }) => [
      webhookId,
      sequence,
    ]);
  expect(await places(['w1', 'w3'], 0, 9, 2)).toEqual([
    ['w1', 1],
    ['w1', 3],
    ['w3', 3],
  ]);
  expect(await places(['w1'], 1, 4, 9)).toEqual([
    ['w1', 3],
    ['w1', 4],
  ]);
  expect(await places(['w1'], 1, 3, 9)).toEqual([['w1', 3]]);
  const query = { after: 1, upTo: 3, webhookIds: ['w1', 'w2'], limit: 9, withPayloads: true };
  const arrived = await webhooks.newDeliveries(query);
  expect(arrived.map(({ payload, ...rest }) => ({ ...rest, payload: payload?.toString() }))).toEqual([
    {
      ...{ sequence: 2, eventId: '2', eventType: 'done', hop: 0, createdAt: 100, expiresAt: 900 },
      ...{ areNew: true, deliveries: [{ id: 'dlv_2_w2', webhookId: 'w2' }], trace: 'trace of 2' },
      payload: '{"sequence":2,"data":{"of":"2"}}',
    },
    {
      ...{ sequence: 3, eventId: '3', eventType: 'done', hop: 0, createdAt: 100, expiresAt: 900 },
      ...{ areNew: true, deliveries: [{ id: 'dlv_3_w1', webhookId: 'w1' }], trace: 'trace of 3' },
      payload: '{"sequence":3,"data":{"of":"3"}}',
    },
  ]);
  const [first, ...none] = await webhooks.newDeliveries({
    ...query,
    after: 0,
    limit: 1,
    withPayloads: false,
  });
  expect(none).toEqual([]);
  expect(first).toMatchObject({ sequence: 1, payload: undefined });
  expect(first?.deliveries.map(({ id }) => id).sort()).toEqual(['dlv_1_w1', 'dlv_1_w2']);
  expect(await webhooks.oldestFreshOf(['w3', 'w4'])).toBe(100);
  expect(await webhooks.oldestFreshOf(['w4'])).toBeUndefined();
  expect(await webhooks.waitingCountsOf(['w1'])).toEqual([]);
  expect([...(await webhooks.pendingWebhooks())].sort()).toEqual(['w1', 'w2', 'w3']);
});

test('retried deliveries of an event are listed apart from its new ones, and on the same page', async () => {
  const store = await openPostgres();
  const webhooks = webhooksOf(store);
  await store.write([append('1', 'w1', 'w2'), append('2', 'w1')]);
  const change = { sequence: 1, webhookId: 'w1', tries: 1, pauses: 0, nextAttemptAt: null, reason: null };
  await store.write([
    {
      kind: 'changeDelivery',
      change: { ...change, id: 'dlv_1_w1', status: 'failed', attempts: 1, endedAt: 200, attempt: '{"n":1}' },
    },
  ]);
  await store.write([{ kind: 'requeueDelivery', id: 'dlv_1_w1', expiresAt: 990 }]);
  const query = { after: 0, upTo: 2, webhookIds: ['w1', 'w2'], limit: 1, withPayloads: false };
  const arrived = await webhooks.newDeliveries(query);
  const shown = arrived.map(({ sequence, areNew, deliveries }) => [sequence, areNew, deliveries[0]?.id]);
  expect(shown.sort()).toEqual([
    [1, false, 'dlv_1_w1'],
    [1, true, 'dlv_1_w2'],
  ]);
});

test('a large payload stays in the store until it is sent', async () => {
  const store = await openPostgres();
  const large = append('1', 'w1');
  if (large.kind !== 'appendEvent') throw new Error('not an event');
  await store.write([{ ...large, event: { ...large.event, data: JSON.stringify('x'.repeat(20_000)) } }]);
  const query = { after: 0, upTo: 1, webhookIds: ['w1'], limit: 9, withPayloads: true };
  const [arrived] = await webhooksOf(store).newDeliveries(query);
  expect(arrived).toMatchObject({ sequence: 1, payload: undefined });
});

test('the cost of an owner’s reads does not grow with the backlog of others', async () => {
  const url = await postgresUrl();
  await openPostgres(url);
  const server = await startPostgres();
  const database = new URL(url).pathname.slice(1);
  const blocks = async (text: string): Promise<number> => {
    const rows = await server.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, database);
    const plan = (rows[0]?.['QUERY PLAN'] as [{ Plan: Record<string, number> }] | undefined)?.[0].Plan ?? {};
    return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
  };
  const fill = (from: number, count: number) =>
    server.query(
      `INSERT INTO deliveries (sequence, webhook_id, id, event_type, status, hop, attempts, tries, pauses, created_at, expires_at, attempt_log)
       SELECT n, 'w' || n % 50, 'd' || n, 'done', 'pending', 0, 0, 0, 0, 0, 0, '' FROM generate_series(${from}, ${from + count - 1}) AS n`,
      database,
    );
  const cost = async (last: number): Promise<readonly number[]> => {
    await server.query('VACUUM ANALYZE deliveries', database);
    return [
      await blocks(
        `SELECT sequence FROM deliveries d WHERE webhook_id = 'w7' AND d.status = 'pending' AND d.next_attempt_at IS NULL
         AND sequence > 0 AND sequence <= ${last} ORDER BY webhook_id, sequence LIMIT 100`,
      ),
      await blocks(
        `SELECT d.sequence, string_agg(d.id, ' ') FROM deliveries d WHERE d.sequence > ${last - 100} AND d.sequence <= ${last}
         AND d.status = 'pending' AND d.next_attempt_at IS NULL AND d.webhook_id = ANY('{w7,w8}') GROUP BY 1 ORDER BY 1
         FETCH FIRST 200 ROWS WITH TIES`,
      ),
    ];
  };
  await fill(1, 10_000);
  const [places = 0, range = 0] = await cost(10_000);
  await fill(10_001, 90_000);
  const [placesLater = 0, rangeLater = 0] = await cost(100_000);
  // A level of the index more at most.
  expect(placesLater).toBeLessThanOrEqual(places + 5);
  expect(rangeLater).toBeLessThanOrEqual(range + 5);
});
