// Operations on webhooks work on every node, whichever node owns the webhook.

import { expect, test } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { startReceiver } from '../recording-receiver.ts';
import { inForce, patient, startNodeBench, startPair, toolStart } from './start-nodes.ts';

test('a webhook that one node creates is active on the others, and one node sends each delivery', async () => {
  const { start } = await startNodeBench(patient);
  const nodes = [await start(), await start()];
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const receiver = await startReceiver();
  await inForce(
    first.engine.create({ url: receiver.url, events: ['tool.*'] }),
    () => second.engine.forEvent('tool.start').length === 1,
  );
  const emitted = await Promise.all(
    nodes.flatMap(({ engine }, node) => [1, 2, 3, 4, 5].map((n) => engine.emit(toolStart(10 * node + n)))),
  );
  for (const { deliveries } of emitted) expect(deliveries).toHaveLength(1);
  for (const { engine } of nodes) {
    const ended = await engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['success']));
  }
  expect(receiver.requests).toHaveLength(10);
  expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(10);
});

test('the lane of a webhook that was removed while no node ran is removed', async () => {
  const { start, sql } = await startNodeBench(patient);
  await (await start()).stop();
  await sql("INSERT INTO lanes (webhook_id, node_id, pinned) VALUES ('whk_gone', NULL, false)");
  const node = await start();
  const { webhook } = await node.engine.create({ url: 'http://127.0.0.1:20202/', events: ['tool.*'] });
  await waitFor('only the lane of the webhook that exists', async () => {
    const rows = await sql('SELECT webhook_id, node_id FROM lanes');
    return (
      rows.length === 1 && rows[0]?.webhook_id === webhook.id && rows[0].node_id === node.ownership.node.id
    );
  });
});

test('each operation works on a node that does not own the webhook', async () => {
  const { receiver, webhook, owner, other } = await startPair(await startNodeBench(patient), {
    secret: 'a secret of the first',
    retryCount: 0,
  });
  const { id } = webhook;

  expect(await other.engine.update(id, { name: 'renamed' })).toMatchObject({ id, name: 'renamed' });
  expect(await owner.engine.get(id)).toMatchObject({ name: 'renamed' });
  await expect
    .poll(() => other.engine.list())
    .toMatchObject([{ id, name: 'renamed', state: { status: 'healthy' } }]);
  await expect(other.engine.update(id, { timeout: 'long' })).rejects.toMatchObject({
    code: 'validation_failed',
    errors: [{ pointer: '/timeout' }],
  });

  const tested = await other.engine.test(id);
  expect((await other.engine.settled([tested.id]))[0]).toMatchObject({ status: 'success' });

  const rotated = await other.engine.rotateSecret(id);
  expect(rotated.secret).not.toBe('a secret of the first');
  expect(rotated.previousValidUntil).not.toBeNull();

  receiver.answer((_request, response) => response.writeHead(400).end());
  const failing = await other.engine.emit(toolStart(1));
  const [failed] = await other.engine.settled(failing.deliveries);
  expect(failed).toMatchObject({ status: 'failed' });
  receiver.answer((_request, response) => response.end());
  await other.engine.retry(failing.deliveries[0] ?? '');
  expect((await other.engine.settled(failing.deliveries))[0]).toMatchObject({ status: 'success' });

  receiver.answer((_request, response) => response.writeHead(400).end());
  const more = await Promise.all([2, 3, 4].map((n) => other.engine.emit(toolStart(n))));
  const ids = more.flatMap(({ deliveries }) => deliveries);
  await other.engine.settled(ids);
  receiver.answer((_request, response) => response.end());
  expect(await other.engine.retryFailed({})).toEqual({ queued: 3 });
  expect((await other.engine.settled(ids)).map(({ status }) => status)).toEqual(Array(3).fill('success'));

  const before = receiver.requests.length;
  expect(await other.engine.replay(id, { after: 0 })).toMatchObject({ queued: 4 });
  await receiver.received(before + 4);

  expect((await other.engine.clearHistory({ webhookId: id })).deleted).toBeGreaterThan(0);
  await other.engine.remove(id);
  expect(await owner.engine.get(id)).toBeUndefined();
  expect(await other.engine.list()).toEqual([]);
  await expect(other.engine.remove(id)).rejects.toMatchObject({ code: 'webhook_not_found' });
  expect((await other.engine.emit(toolStart(9))).deliveries).toEqual([]);
});

test('a webhook that is disabled on one node gets nothing from the others, and the missed events once it is enabled', async () => {
  const { nodes, receiver, webhook, owner, other } = await startPair(await startNodeBench(patient), {
    ordered: true,
  });
  await inForce(other.engine.update(webhook.id, { enabled: false }), () =>
    nodes.every(({ engine }) => engine.forEvent('tool.start').length === 0),
  );
  for (const { engine } of nodes) expect((await engine.emit(toolStart(1))).deliveries).toEqual([]);
  await waitFor('both to be counted as missed', async () => {
    const shown = await other.engine.get(webhook.id);
    return shown?.state.status === 'disabled' && shown.state.missed === 2;
  });
  const enabled = await other.engine.enable(webhook.id, { replayMissed: true });
  expect(enabled).toMatchObject({ queued: 2, webhook: { enabled: true } });
  const later = await owner.engine.emit(toolStart(3));
  await other.engine.settled(later.deliveries);
  const sequences = receiver.requests.map(({ body }) => JSON.parse(body.toString()).sequence as number);
  expect(sequences).toHaveLength(3);
  expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
});

test('a change is in force on the node that asked for it, even if that node is told of no change', async () => {
  const { start } = await startNodeBench(patient);
  const owner = await start();
  const receiver = await startReceiver();
  const { webhook } = await owner.engine.create({ url: receiver.url, events: ['tool.*'] });
  await waitFor('it to own the webhook', () => owner.ownership.lanes.isOwn(webhook.id));
  const deaf = await start(undefined, (store) => ({
    ...store,
    feed: store.feed && { ...store.feed, onChange: () => () => undefined },
  }));
  await deaf.engine.update(webhook.id, { enabled: false });
  expect(deaf.engine.forEvent('tool.start')).toEqual([]);
});

test('deliveries of a webhook whose removal was interrupted are cancelled', async () => {
  const { start, sql } = await startNodeBench(patient);
  const first = await start();
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(503).end());
  const { webhook } = await first.engine.create({
    url: receiver.url,
    events: ['tool.*'],
    retryDelay: 60_000,
  });
  const { deliveries } = await first.engine.emit(toolStart(1));
  await receiver.received(1);
  await first.stop();
  await sql(`UPDATE webhooks SET entry = NULL WHERE id = '${webhook.id}'`);
  const second = await start();
  expect(await second.engine.settled(deliveries)).toMatchObject([
    { status: 'cancelled', reason: 'webhook_removed' },
  ]);
});

test('a webhook that is removed and created again at once, with the same id, gets its events', async () => {
  const { start } = await startNodeBench(patient);
  const nodes = [await start(), await start()];
  const receiver = await startReceiver();
  const input = { id: 'whk_again_and_again', url: receiver.url, events: ['tool.*'] };
  let emitted = 0;
  for (let round = 0; round < 6; round++) {
    const [creator, remover] = (round % 2 === 0 ? nodes : [...nodes].reverse()) as [
      (typeof nodes)[0],
      (typeof nodes)[0],
    ];
    await inForce(creator.engine.create(input), () =>
      nodes.every(({ engine }) => engine.forEvent('tool.start').length === 1),
    );
    const results = await Promise.all(nodes.map(({ engine }) => engine.emit(toolStart(++emitted))));
    const ended = await remover.engine.settled(results.flatMap(({ deliveries }) => deliveries));
    expect(ended.map(({ status }) => status)).toEqual(['success', 'success']);
    await remover.engine.remove(input.id);
  }
  expect(receiver.requests).toHaveLength(emitted);
});

test('two changes of a webhook at once on two nodes are both kept', async () => {
  const { start } = await startNodeBench(patient);
  const nodes = [await start(), await start()];
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const receiver = await startReceiver();
  const { webhook } = await first.engine.create({ url: receiver.url, events: ['tool.*'] });
  await Promise.all([
    first.engine.update(webhook.id, { name: 'by the first' }),
    second.engine.update(webhook.id, { timeout: 7000 }),
  ]);
  for (const { engine } of nodes)
    await expect.poll(() => engine.get(webhook.id)).toMatchObject({ name: 'by the first', timeout: 7000 });
  // Of two that create the same webhook, one is told.
  const input = { id: 'whk_the_same_id', url: receiver.url, events: ['tool.*'] };
  const results = await Promise.allSettled(nodes.map(({ engine }) => engine.create(input)));
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'webhook_exists' },
  });
});
