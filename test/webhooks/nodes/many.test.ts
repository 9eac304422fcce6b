// Many webhooks, and webhooks of runs, on several nodes.

import { expect, test } from 'vitest';
import { makeId } from '../../../src/base/ids.ts';
import { waitFor } from '../../wait-for.ts';
import { startReceiver } from '../recording-receiver.ts';
import { patient, startNodeBench, toolStart, type WebhookNode } from './start-nodes.ts';

test('a thousand webhooks are spread over two nodes, and each gets its events once', async () => {
  const { start, sql } = await startNodeBench(patient);
  const receiver = await startReceiver();
  const nodes = [await start()];
  await sql(
    `WITH version AS (INSERT INTO topics VALUES ('webhooks', 1000) RETURNING version)
     INSERT INTO webhooks (id, entry, version)
       SELECT 'whk_' || n, json_build_object('id', 'whk_' || n, 'url', '${receiver.url}/' || n, 'events', json_build_array('tool.*')), version
       FROM generate_series(1001, 2000) AS n, version`,
  );
  // The first node finds them by its poll; the second one has them from the start.
  nodes.push(await start());
  const lanes = async (): Promise<readonly number[]> =>
    ((await nodes[0]?.ownership.node.list()) ?? []).map(({ owns }) => owns.lanes);
  await waitFor('even shares', async () => (await lanes()).every((count) => count === 500), lanes);
  const emitted = await Promise.all(nodes.map(({ engine }, n) => engine.emit(toolStart(n))));
  expect(emitted.map(({ deliveries }) => deliveries.length)).toEqual([1000, 1000]);
  await waitFor(
    'all deliveries',
    () => receiver.requests.length >= 2000,
    () => receiver.requests.length,
  );
  await waitFor('all to be recorded', async () => {
    const rows = await sql("SELECT count(*) AS n FROM deliveries WHERE status = 'success'");
    return rows[0]?.n === '2000';
  });
  expect(receiver.requests).toHaveLength(2000);
  expect(new Set(receiver.requests.map(({ path, headers }) => `${path} ${headers['webhook-id']}`)).size).toBe(
    2000,
  );
  const [first] = nodes as [WebhookNode];
  const shown = await waitFor('nothing to be pending', async () => {
    const list = await first.engine.list();
    return list.every(({ state }) => state.status === 'healthy' && state.pending === 0) && list;
  });
  expect(shown).toHaveLength(1000);
});

test('the webhook of a run gets its events from every node, and is removed with the run', async () => {
  const { start, sql } = await startNodeBench(patient);
  const nodes = [await start(), await start()];
  const [first, second] = nodes as [WebhookNode, WebhookNode];
  const receiver = await startReceiver();
  const now = Date.now();
  const runId = makeId('run', now);
  const sessionId = makeId('ses', now);
  const { id } = await first.engine.createForRun(runId, { url: receiver.url, events: ['tool.*'] });
  const row = { id: runId, sessionId, status: 'running', createdAt: now, updatedAt: now, details: '{}' };
  const session = { id: sessionId, title: '', createdAt: now, updatedAt: now, details: '{}' };
  await first.store.write([
    { kind: 'putSession', session },
    { kind: 'putRun', run: row },
  ]);
  await waitFor('the node of the run to own it', () => first.ownership.lanes.isOwn(id));
  await waitFor('the other node to know it', async () => (await second.engine.get(id)) !== undefined);
  const emitted = [
    await first.engine.emit({ ...toolStart(1), sessionId, runId }),
    await second.engine.emit({ ...toolStart(2), sessionId, runId }),
    await second.engine.emit(toolStart(3)),
  ];
  expect(emitted.map(({ deliveries }) => deliveries.length)).toEqual([1, 1, 0]);
  await second.engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
  expect(receiver.requests).toHaveLength(2);
  // Its node ends, the other one sends its last event, and then the webhook is removed.
  await first.stop();
  await waitFor('the other node to own it', () => second.ownership.lanes.isOwn(id));
  await second.log.append(
    [{ type: 'run.cancelled', data: { reason: 'by a user' }, sessionId, runId }],
    [{ kind: 'patchRun', id: runId, status: 'cancelled', updatedAt: now, details: '{}' }],
  );
  await waitFor('the webhook to be removed', async () => (await second.engine.get(id)) === undefined);
  await waitFor('the registry to forget it', async () => {
    const rows = await sql('SELECT (SELECT count(*) FROM lanes) + (SELECT count(entry) FROM webhooks) AS n');
    return rows[0]?.n === '0';
  });
});
