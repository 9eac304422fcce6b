// Reading the store takes a while on a database server. The answer must not undo what was committed meanwhile.

import { expect, it, onTestFinished } from 'vitest';
import { openWebhookEngine } from '../../src/webhooks/engine.ts';
import { waitFor } from '../wait-for.ts';
import { movableClock } from './movable-clock.ts';
import { startReceiver } from './recording-receiver.ts';
import { startEngineBench } from './start-engine.ts';

it('a delivery that ends while the store is read is not sent again, and is counted once', async () => {
  const { store, log } = await startEngineBench();
  const { clock, pass } = movableClock();
  const gate = Promise.withResolvers<void>();
  let slowReads = 0;
  let isSlow = false;
  const slow: typeof store = {
    ...store,
    async waitingDeliveries(...given) {
      const rows = await store.waitingDeliveries(...given);
      if (isSlow) {
        slowReads++;
        await gate.promise;
      }
      return rows;
    },
  };
  const engine = await openWebhookEngine({ store: slow, log, clock });
  onTestFinished(() => engine.close(0));
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(500).end());
  await engine.create({ url: receiver.url, retryDelay: 3_600_000 });
  const emit = async (): Promise<void> => {
    await log.append([{ type: 'error', data: { code: 'x', message: 'x' } }]);
  };
  const waiting = async (count: number) =>
    waitFor(`${count} deliveries to wait`, async () => {
      const { items } = await engine.listDeliveries({ limit: 10 });
      const found = items.filter(({ attempts, nextAttemptAt }) => attempts === 1 && nextAttemptAt !== null);
      return found.length === count && found;
    });
  await emit();
  const [first] = await waiting(1);
  pass(1_800_000);
  await emit();
  await waiting(2);

  // The first one is sent again, and its receiver does not answer yet.
  const held = receiver.hold();
  pass(Date.parse(first?.nextAttemptAt ?? '') - clock.wall() + 1);
  await emit();
  await waitFor(
    'the first delivery to be sent again',
    () => sentTimes(first?.eventId) === 2 && held.length >= 2,
  );
  isSlow = true;
  pass(7_200_000);
  await emit();
  await waitFor('the store to be read', () => slowReads > 0);
  receiver.answer((_request, response) => response.end());
  for (const response of held.splice(0)) response.end();
  await waitFor('the first delivery to end', async () => {
    const [{ state } = { state: { pending: 0 } }] = await engine.list();
    return (await engine.getDelivery(first?.id ?? ''))?.status === 'success' && state.pending <= 2;
  });
  isSlow = false;
  gate.resolve();

  await waitFor('all deliveries to end', async () =>
    (await engine.listDeliveries({ limit: 10 })).items.every(({ status }) => status === 'success'),
  );
  await expect.poll(async () => (await engine.list())[0]?.state.pending).toBe(0);
  expect(sentTimes(first?.eventId)).toBe(2);
  expect(receiver.requests).toHaveLength(6);

  function sentTimes(eventId: string | undefined): number {
    return receiver.requests.filter(({ headers }) => headers['webhook-id'] === eventId).length;
  }
});
