// The figures of each webhook in the last 24 hours, over HTTP and from a history that is too long to be read whole.

import { expect, test } from 'vitest';
import type { DeliveryFact } from '../../src/store/delivery-store.ts';
import { readWebhookDay } from '../../src/webhooks/webhook-day.ts';
import { startApp } from '../http/start-app.ts';
import { startReceiver } from './recording-receiver.ts';

const hourMs = 3_600_000;
const now = Date.parse('2026-11-30T12:00:00Z');

function fact(number: number, more: Partial<DeliveryFact> = {}): DeliveryFact {
  const id = `dlv_${String(number).padStart(6, '0')}`;
  return { id, webhookId: 'w1', status: 'success', tries: 1, createdAt: now, durationsMs: [1], ...more };
}

/** A history, oldest first. */
function historyOf(facts: readonly DeliveryFact[]) {
  let reads = 0;
  return {
    reads: () => reads,
    async deliveryFacts({ beforeId, limit }: { beforeId: string | undefined; limit: number }) {
      reads++;
      return facts
        .toReversed()
        .filter(({ id }) => beforeId === undefined || id < beforeId)
        .slice(0, limit);
    },
  };
}

test('a receiver that refuses some has a success rate, and the time of its answers', async () => {
  const { client } = await startApp();
  const receiver = await startReceiver();
  let asked = 0;
  receiver.answer((_request, response) => {
    response.writeHead(++asked === 1 ? 422 : 200).end();
  });
  const input = { url: receiver.url, events: ['webhook.test' as const], retryCount: 0 };
  const { id } = await client.webhooks.create(input);
  await client.webhooks.create({ ...input, name: 'Never used' });
  for (let n = 1; n <= 4; n++) {
    const delivery = await client.webhooks.test(id);
    await expect.poll(async () => (await client.deliveries.get(delivery.id)).status).not.toBe('pending');
  }
  const day = await client.webhooks.figures();
  expect(day).toMatchObject({ isComplete: true, read: 4 });
  expect(day.webhooks).toMatchObject([
    { webhookId: id, delivered: 3, failed: 1, retrying: 0, successRate: 0.75, p95Ms: expect.any(Number) },
  ]);
  const hours = day.webhooks[0]?.hours ?? [];
  expect(hours).toHaveLength(24);
  expect(hours.at(-1)).toMatchObject({ delivered: 3, undelivered: 1 });
});

test('counts by hour, without older ones, cancelled ones and those that were not sent', async () => {
  const day = await readWebhookDay(
    historyOf([
      fact(1, { createdAt: now - 25 * hourMs }),
      fact(2, { createdAt: now - 24 * hourMs }),
      fact(3, { createdAt: now - 2 * hourMs, status: 'pending', durationsMs: [4, 6] }),
      fact(4, { status: 'cancelled' }),
      fact(5, { status: 'pending', tries: 0, durationsMs: [] }),
      fact(6, { webhookId: 'w2', status: 'failed', durationsMs: [] }),
      fact(7, { createdAt: now + hourMs }),
    ]),
    now,
  );
  expect(day).toMatchObject({ since: '2026-11-29T12:00:00.000Z', isComplete: true, read: 6 });
  const [second, first] = [...day.webhooks].sort((a, b) => (a.webhookId < b.webhookId ? 1 : -1));
  expect(first).toMatchObject({ webhookId: 'w1', delivered: 2, failed: 0, retrying: 1, p95Ms: 6 });
  expect(first?.successRate).toBeCloseTo(2 / 3);
  const busy = first?.hours.flatMap(({ delivered, undelivered }, index) =>
    delivered + undelivered > 0 ? [[index, delivered, undelivered]] : [],
  );
  expect(busy).toEqual([
    [0, 1, 0],
    [22, 0, 1],
    [23, 1, 0],
  ]);
  expect(second).toMatchObject({ webhookId: 'w2', failed: 1, successRate: 0, p95Ms: null });
});

test('reads pages of a long day up to a bound, and says so', async () => {
  const history = historyOf(Array.from({ length: 5000 }, (_, n) => fact(n)));
  const day = await readWebhookDay(history, now, 2500);
  expect(day).toMatchObject({ isComplete: false, read: 2500, webhooks: [{ delivered: 2500 }] });
  expect(history.reads()).toBe(3);
  expect(await readWebhookDay(history, now)).toMatchObject({ isComplete: true, read: 5000 });
});
