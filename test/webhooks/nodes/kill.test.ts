// Nodes as processes that are killed with SIGKILL: nothing that was acknowledged is lost.

import { type ChildProcess, fork } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { TEST_LIMIT_MS, WAIT_LIMIT_MS, waitFor } from '../../wait-for.ts';
import { startReceiver } from '../recording-receiver.ts';
import { startNodeBench } from './start-nodes.ts';

const rounds = Number(process.env.SOAK_ROUNDS ?? 3);

interface NodeProcess {
  readonly child: ChildProcess;
  readonly acknowledged: string[];
  readonly ready: Promise<void>;
}

function startNode(url: string, round: number): NodeProcess {
  const child = fork(new URL('node-process.ts', import.meta.url), [url, String(round)]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const acknowledged: string[] = [];
  const ready = Promise.withResolvers<void>();
  child.on('message', (message: { readonly ready?: string; readonly acknowledged?: readonly string[] }) => {
    if (message.ready !== undefined) ready.resolve();
    acknowledged.push(...(message.acknowledged ?? []));
  });
  child.once('exit', () => ready.reject(new Error('The node ended before it was ready.')));
  return { child, acknowledged, ready: ready.promise };
}

test('nodes that are killed lose nothing: the others send it, in order, with the same bytes', {
  timeout: TEST_LIMIT_MS + rounds * WAIT_LIMIT_MS,
}, async () => {
  const bench = await startNodeBench();
  const survivor = await bench.start();
  const [plain, ordered] = [await startReceiver(), await startReceiver()];
  await survivor.engine.create({ url: plain.url, events: ['tool.*'], retryDelay: 100 });
  await survivor.engine.create({ url: ordered.url, events: ['tool.*'], ordered: true, retryDelay: 100 });
  const acknowledged: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    const node = startNode(bench.url, round);
    await node.ready;
    await waitFor('it to own a webhook', async () => {
      const list = await survivor.ownership.node.list();
      return list.filter(({ status }) => status === 'alive').every(({ owns }) => owns.lanes === 1);
    });
    await waitFor('events', () => node.acknowledged.length > 20);
    node.child.kill('SIGKILL');
    await waitFor('its end', () => node.child.signalCode !== null);
    acknowledged.push(...node.acknowledged);
  }
  const idsAt = ({ requests }: typeof plain): readonly string[] =>
    requests.map(({ headers }) => String(headers['webhook-id']));
  for (const receiver of [plain, ordered])
    await waitFor(
      'all that was acknowledged',
      () => {
        const seen = new Set(idsAt(receiver));
        return acknowledged.every((id) => seen.has(id));
      },
      () => acknowledged.length - new Set(idsAt(receiver)).size,
    );
  for (const receiver of [plain, ordered]) {
    const bodies = new Map<string, string>();
    for (const { headers, body } of receiver.requests) {
      const id = String(headers['webhook-id']);
      expect(bodies.get(id) ?? body.toString()).toBe(body.toString());
      bodies.set(id, body.toString());
    }
  }
  const sequences = [
    ...new Set(ordered.requests.map(({ body }) => JSON.parse(body.toString()).sequence as number)),
  ];
  expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
  await waitFor('nothing to be pending', async () => {
    const rows = await bench.sql("SELECT count(*) AS n FROM deliveries WHERE status = 'pending'");
    return rows[0]?.n === '0';
  });
  await expect
    .poll(async () => (await survivor.engine.list()).map(({ state }) => state))
    .toMatchObject(Array(2).fill({ pending: 0, inFlight: 0 }));
});

test('a node that is frozen beyond its lease and continues sends nothing out of order', async () => {
  const bench = await startNodeBench();
  const survivor = await bench.start();
  const receiver = await startReceiver();
  const node = startNode(bench.url, 1);
  await node.ready;
  // Made by the survivor; even shares give the second webhook to the other node.
  await survivor.engine.create({ url: receiver.url, events: ['tool.*'], ordered: true });
  const plain = await startReceiver();
  await survivor.engine.create({ url: plain.url, events: ['tool.*'] });
  await waitFor('each node to own one', async () => {
    const list = await survivor.ownership.node.list();
    return list.filter(({ status }) => status === 'alive').every(({ owns }) => owns.lanes === 1);
  });
  // Those under way may have come before the webhooks, too.
  const earlier = node.acknowledged.length;
  await waitFor('the next events', () => node.acknowledged.length > earlier);
  const from = node.acknowledged.length;
  await waitFor('events', () => node.acknowledged.length > from + 20);
  node.child.kill('SIGSTOP');
  await waitFor('the survivor to own both', async () => {
    const list = await survivor.ownership.node.list();
    return list.find(({ self }) => self)?.owns.lanes === 2;
  });
  const frozenAt = node.acknowledged.length;
  node.child.kill('SIGCONT');
  await waitFor('it to work again', () => node.acknowledged.length > frozenAt + 20);
  node.child.kill('SIGKILL');
  await waitFor('its end', () => node.child.signalCode !== null);
  const idsAt = ({ requests }: typeof plain): ReadonlySet<string> =>
    new Set(requests.map(({ headers }) => String(headers['webhook-id'])));
  for (const each of [plain, receiver])
    await waitFor('all that was acknowledged', () => {
      const seen = idsAt(each);
      return node.acknowledged.slice(from).every((id) => seen.has(id));
    });
  const sequences = [
    ...new Set(receiver.requests.map(({ body }) => JSON.parse(body.toString()).sequence as number)),
  ];
  expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
});
