// A webhook goes from one owner to the next: nothing is lost, ids and bytes stay the same, and order holds.

import { expect, test } from 'vitest';
import { startTcpProxy } from '../../postgres/tcp-proxy.ts';
import { waitFor } from '../../wait-for.ts';
import { type RecordingReceiver, startReceiver } from '../recording-receiver.ts';
import {
  type NodeBench,
  ownerAndOther,
  patient,
  startNodeBench,
  startPair,
  toolStart,
  type WebhookNode,
} from './start-nodes.ts';

const numbersAt = ({ requests }: RecordingReceiver): readonly number[] =>
  requests.map(({ body }) => JSON.parse(body.toString()).data.params.n as number);

/** The first request of each event, in the order of arrival. */
const firstOfEach = (receiver: RecordingReceiver): readonly number[] => [...new Set(numbersAt(receiver))];

/** Let another node take over, as if this one had not renewed its lease. */
async function declareDead({ sql }: NodeBench, gone: WebhookNode, by: WebhookNode): Promise<void> {
  const { node } = by.ownership;
  await waitFor('the take-over', async () => {
    const rows = await sql(
      `SELECT take_over('${node.id}', ${node.epoch}, id, epoch, renewals) AS done
       FROM nodes WHERE id = '${gone.ownership.node.id}' AND epoch = ${gone.ownership.node.epoch}`,
    );
    return rows[0]?.done;
  });
}

function expectSameBytes({ requests }: RecordingReceiver): void {
  const bytes = new Map<string, string>();
  for (const { headers, body } of requests) {
    const id = String(headers['webhook-id']);
    expect(bytes.get(id) ?? body.toString()).toBe(body.toString());
    bytes.set(id, body.toString());
  }
}

test('a node that joins takes over webhooks with their pending deliveries, in order and without duplicates', async () => {
  const bench = await startNodeBench(patient);
  const first = await bench.start();
  const receivers = [await startReceiver(), await startReceiver()];
  const held = receivers.map((receiver) => receiver.hold());
  for (const { url } of receivers)
    await first.engine.create({ url, events: ['tool.*'], ordered: true, timeout: 60_000 });
  const emitted = [];
  for (let n = 1; n <= 20; n++) emitted.push(await first.engine.emit(toolStart(n)));
  for (const receiver of receivers) await receiver.received(1);

  // The new node gets a webhook only when its request has ended.
  const second = await bench.start();
  for (let n = 21; n <= 40; n++) emitted.push(await second.engine.emit(toolStart(n)));
  expect(receivers.map(({ requests }) => requests.length)).toEqual([1, 1]);
  for (const receiver of receivers) receiver.answer((_request, response) => response.end());
  for (const responses of held) for (const response of responses) response.end();
  await second.engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
  for (const receiver of receivers) {
    expect(numbersAt(receiver)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    expect(receiver.mostAtOnce()).toBe(1);
  }
  await waitFor('each node to own one', async () => {
    const list = await first.ownership.node.list();
    return list.filter(({ status }) => status === 'alive').every(({ owns }) => owns.lanes === 1);
  });
});

test('a node that stops hands over its webhooks with their pending deliveries', async () => {
  const { nodes, receiver, webhook, owner, other } = await startPair(await startNodeBench(patient));
  receiver.answer((_request, response) => response.writeHead(503).end());
  const emitted = [];
  for (let n = 1; n <= 30; n++) emitted.push(await (nodes[n % 2] as WebhookNode).engine.emit(toolStart(n)));
  await receiver.received(5);
  await owner.stop();
  receiver.answer((_request, response) => response.end());
  const ids = emitted.flatMap(({ deliveries }) => deliveries);
  await other.engine.enable(webhook.id, {});
  const ended = await other.engine.settled(ids);
  expect(ended.filter(({ status }) => status !== 'success')).toEqual([]);
  expect(new Set(numbersAt(receiver)).size).toBe(30);
  expectSameBytes(receiver);
});

test('a node that was declared dead sends and records nothing more, and another node continues its webhooks in order', async () => {
  const bench = await startNodeBench();
  const { receiver, webhook, owner, other } = await startPair(bench, { ordered: true });
  const held = receiver.hold();
  const emitted = [];
  for (let n = 1; n <= 10; n++) emitted.push(await other.engine.emit(toolStart(n)));
  await receiver.received(1);
  await declareDead(bench, owner, other);
  // Its request is ended when it learns of it.
  await waitFor('the request to be ended', () => held[0]?.destroyed === true);
  receiver.answer((_request, response) => response.end());
  for (const response of held) response.end();
  for (let n = 11; n <= 20; n++) emitted.push(await other.engine.emit(toolStart(n)));
  await other.engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
  expect(firstOfEach(receiver)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  expectSameBytes(receiver);
  // It has joined again, and may own webhooks.
  await waitFor('it to join again', () => owner.ownership.node.epoch > 1);
  const again = await owner.engine.emit(toolStart(21));
  expect((await owner.engine.settled(again.deliveries))[0]).toMatchObject({ status: 'success' });
  await expect
    .poll(() => owner.engine.get(webhook.id))
    .toMatchObject({ state: { status: 'healthy', pending: 0 } });
});

test('webhooks that move back and forth under load lose nothing and keep their order', async () => {
  const bench = await startNodeBench();
  const nodes = [await bench.start(), await bench.start()] as const;
  const plain = await startReceiver();
  const ordered = await startReceiver();
  await nodes[0].engine.create({ url: plain.url, events: ['tool.*'] });
  await nodes[0].engine.create({ url: ordered.url, events: ['tool.*'], ordered: true });
  await waitFor('both nodes to know both', () =>
    nodes.every(({ engine }) => engine.forEvent('tool.start').length === 2),
  );
  const emitted: (readonly string[])[] = [];
  let n = 0;
  for (let round = 0; round < 6; round++) {
    const gone = nodes[round % 2 === 0 ? 0 : 1];
    const by = nodes[round % 2 === 0 ? 1 : 0];
    for (let i = 0; i < 20; i++) emitted.push((await by.engine.emit(toolStart(++n))).deliveries);
    const { epoch } = gone.ownership.node;
    await declareDead(bench, gone, by);
    for (let i = 0; i < 20; i++) emitted.push((await by.engine.emit(toolStart(++n))).deliveries);
    await waitFor(
      'it to join again',
      () => gone.ownership.node.epoch > epoch && gone.ownership.node.leaseLeftMs() > 0,
    );
  }
  expect(emitted.every(({ length }) => length === 2)).toBe(true);
  await nodes[0].engine.settled(emitted.flat());
  expect(new Set(numbersAt(plain)).size).toBe(n);
  expect(firstOfEach(ordered)).toEqual(Array.from({ length: n }, (_, i) => i + 1));
  expect(ordered.mostAtOnce()).toBe(1);
  for (const receiver of [plain, ordered]) expectSameBytes(receiver);
  for (const { engine } of nodes)
    await expect
      .poll(async () => (await engine.list()).map(({ state }) => state))
      .toMatchObject(Array(2).fill({ pending: 0, inFlight: 0 }));
});

test('a node that is cut off from the database ends its requests before another node sends', async () => {
  const bench = await startNodeBench();
  const proxy = await startTcpProxy(Number(new URL(bench.url).port));
  const cutOff = await bench.start(proxy.through(bench.url));
  const receiver = await startReceiver();
  const { webhook } = await cutOff.engine.create({ url: receiver.url, events: ['tool.*'], ordered: true });
  await waitFor('it to own the webhook', () => cutOff.ownership.lanes.isOwn(webhook.id));
  const other = await bench.start();
  const emitted = [];
  const held = receiver.hold();
  for (let n = 1; n <= 5; n++) emitted.push(await other.engine.emit(toolStart(n)));
  await receiver.received(1);
  proxy.cut('toServer', 'toClient');
  await waitFor('the request to be ended', () => held[0]?.destroyed === true);
  expect(cutOff.ownership.node.leaseLeftMs()).toBe(0);
  // While the lease has ended, it starts nothing; the other node takes over.
  receiver.answer((_request, response) => response.end());
  await other.engine.settled(emitted.flatMap(({ deliveries }) => deliveries));
  expect(numbersAt(receiver)).toEqual([1, 1, 2, 3, 4, 5]);
  expect(receiver.mostAtOnce()).toBe(1);
  proxy.heal();
  await waitFor('it to join again', () => cutOff.ownership.node.epoch > 1);
  const again = await cutOff.engine.emit(toolStart(6));
  await cutOff.engine.settled(again.deliveries);
  expect(numbersAt(receiver)).toEqual([1, 1, 2, 3, 4, 5, 6]);
  await expect
    .poll(() => cutOff.engine.get(webhook.id))
    .toMatchObject({ state: { status: 'healthy', pending: 0 } });
});

test('a pause that the receiver asked for, and an open breaker, are kept by the next owner', async () => {
  const bench = await startNodeBench();
  const nodes = [await bench.start(), await bench.start()];
  const receiver = await startReceiver();
  receiver.answer((_request, response) => {
    response.statusCode = 429;
    response.setHeader('retry-after', '3600');
    response.end();
  });
  const { webhook } = await (nodes[0] as WebhookNode).engine.create({
    url: receiver.url,
    events: ['tool.*'],
  });
  const { owner, other } = await ownerAndOther(webhook.id, nodes);
  await owner.engine.emit(toolStart(1));
  // It is saved with the attempt.
  await waitFor('the attempt', async () => {
    const { items } = await other.engine.listDeliveries({ limit: 1 });
    return items[0]?.attemptLog.length === 1;
  });
  await declareDead(bench, owner, other);
  await waitFor('it to join again', () => owner.ownership.node.epoch > 1);
  const next = await ownerAndOther(webhook.id, nodes);
  for (const { engine } of nodes)
    expect((await engine.get(webhook.id))?.state).toMatchObject({ status: 'paused', pending: 1 });
  expect(receiver.requests).toHaveLength(1);
  // Sent now at the user's request, from the node that does not own it.
  receiver.answer((_request, response) => response.end());
  expect(await next.other.engine.enable(webhook.id, {})).toMatchObject({ queued: 0 });
  await receiver.received(2);
});
