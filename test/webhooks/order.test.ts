// An ordered webhook gets the first attempts in the order of the log, whatever happens while its queue is read from the
// store. A read takes a while on a database server, and may fail.

import { expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { openWebhookEngine } from '../../src/webhooks/engine.ts';
import { waitFor } from '../wait-for.ts';
import { type RecordingReceiver, startReceiver } from './recording-receiver.ts';
import { type EngineBench, startEngineBench } from './start-engine.ts';

const ok: Parameters<RecordingReceiver['answer']>[0] = (_request, response) => response.end();

async function emit({ log }: EngineBench, from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  await log.append(numbers.map((n) => ({ type: 'error', data: { code: String(n), message: 'x' } })));
}

/** The numbers of the events, in the order of their first requests. */
const firstOfEach = ({ requests }: RecordingReceiver): readonly number[] => [
  ...new Set(requests.map(({ body }) => Number(JSON.parse(body.toString()).data.code))),
];

const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, index) => index + 1);

/** Holds the first read that `isHeld` selects. `reached` resolves when it begins. */
function holdRead(store: Store, isHeld: (sequences: readonly number[]) => boolean) {
  const reached = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  let isReached = false;
  return {
    reached: reached.promise,
    answer: () => answered.resolve(),
    fail: () => answered.reject(new Error('the database is away')),
    store: {
      ...store,
      async freshDeliveries(webhookId, sequences) {
        const read = store.freshDeliveries(webhookId, sequences);
        if (isReached || !isHeld(sequences)) return read;
        isReached = true;
        reached.resolve();
        const [rows] = await Promise.all([read, answered.promise]);
        return rows;
      },
    } satisfies Store as Store,
  };
}

it.each(['answer', 'fail'] as const)(
  'an attempt that fails while later deliveries are read keeps the order (the read ends with: %s)',
  async (end) => {
    const bench = await startEngineBench();
    let lastOfFirstRead = Number.POSITIVE_INFINITY;
    const read = holdRead(bench.store, (sequences) => {
      const isLater = (sequences[0] ?? 0) > lastOfFirstRead;
      lastOfFirstRead = Math.min(lastOfFirstRead, sequences.at(-1) ?? 0);
      return isLater;
    });
    const engine = await openWebhookEngine({ store: read.store, log: bench.log });
    onTestFinished(() => engine.close(0));
    const receiver = await startReceiver();
    const held = receiver.hold();
    await engine.create({ url: receiver.url, ordered: true, retryDelay: 100 });
    await emit(bench, 1, 150);
    await receiver.received(1);
    // The others go back to the store when it fails, and are read in two parts.
    receiver.answer(ok);
    held[0]?.writeHead(500).end();
    await read.reached;
    // The rest of the first part is not sent yet.
    receiver.answer((_request, response) => response.writeHead(500).end());
    await waitFor('an attempt to fail', async () => {
      const { items } = await engine.listDeliveries({ limit: 200 });
      return items.some(({ status, attempts }) => status === 'pending' && attempts > 0);
    });
    receiver.answer(ok);
    read[end]();
    await waitFor('the end', async () => (await engine.list())[0]?.state.pending === 0);
    expect(firstOfEach(receiver)).toEqual(upTo(150));
  },
);

it('a webhook that is enabled while its oldest deliveries are checked for expiry keeps the order', async () => {
  const bench = await startEngineBench();
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(429, { 'retry-after': '3600' }).end());
  const first = await bench.open();
  const { webhook } = await first.create({ url: receiver.url, ordered: true });
  await emit(bench, 1, 150);
  await waitFor('the pause', async () => (await first.get(webhook.id))?.state.status === 'paused');
  await first.close(0);

  const read = holdRead(bench.store, () => true);
  const next = await bench.open({ store: read.store });
  // While the webhook is paused, only the check reads its deliveries.
  await read.reached;
  receiver.answer(ok);
  await next.enable(webhook.id, {});
  await emit(bench, 151, 160);
  read.answer();
  await waitFor('the end', async () => (await next.get(webhook.id))?.state.pending === 0);
  expect(firstOfEach(receiver)).toEqual(upTo(160));
});
