// The figures of each webhook in the last 24 hours, from the newest deliveries of the history. A day may have millions
// of deliveries, so the number that is read is bounded, and the event loop gets its turn after each page.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { WebhookDay, WebhookFigures } from '../contract/webhook-figures.ts';
import type { DeliveryFact, DeliveryStore } from '../store/delivery-store.ts';

const hourMs = 3_600_000;
const hoursOfDay = 24;
const pageSize = 1000;
const maxRead = 20_000;

interface Sum {
  delivered: number;
  failed: number;
  retrying: number;
  readonly durations: number[];
  readonly hours: { delivered: number; undelivered: number }[];
}

/** `now`: Unix ms. */
export async function readWebhookDay(
  store: Pick<DeliveryStore, 'deliveryFacts'>,
  now: number,
  most = maxRead,
): Promise<WebhookDay> {
  const since = now - hoursOfDay * hourMs;
  const sums = new Map<string, Sum>();
  let read = 0;
  let beforeId: string | undefined;
  for (;;) {
    const limit = Math.min(pageSize, most - read);
    const page = await store.deliveryFacts({ beforeId, limit });
    const facts = page.filter(({ createdAt }) => createdAt >= since);
    for (const fact of facts) add(sums, fact, since);
    read += facts.length;
    beforeId = page.at(-1)?.id;
    const isComplete = page.length < limit || facts.length < page.length;
    if (isComplete || read >= most)
      return {
        since: new Date(since).toISOString(),
        isComplete,
        read,
        webhooks: [...sums].map(([id, sum]) => figuresOf(id, sum, since)),
      };
    await nextTurn();
  }
}

function add(sums: Map<string, Sum>, fact: DeliveryFact, since: number): void {
  const { webhookId, status, tries, createdAt, durationsMs } = fact;
  // Nothing was sent, so it says nothing about the receiver.
  if (tries === 0 || status === 'cancelled') return;
  const sum = sums.get(webhookId) ?? newSum();
  sums.set(webhookId, sum);
  const isDelivered = status === 'success';
  if (isDelivered) sum.delivered++;
  else if (status === 'failed') sum.failed++;
  else sum.retrying++;
  sum.durations.push(...durationsMs);
  // The clock may have been set back.
  const hour = sum.hours[Math.min(hoursOfDay - 1, Math.floor((createdAt - since) / hourMs))];
  if (hour === undefined) return;
  if (isDelivered) hour.delivered++;
  else hour.undelivered++;
}

function newSum(): Sum {
  const hours = Array.from({ length: hoursOfDay }, () => ({ delivered: 0, undelivered: 0 }));
  return { delivered: 0, failed: 0, retrying: 0, durations: [], hours };
}

function figuresOf(webhookId: string, sum: Sum, since: number): WebhookFigures {
  const { delivered, failed, retrying, durations, hours } = sum;
  durations.sort((left, right) => left - right);
  return {
    webhookId,
    delivered,
    failed,
    retrying,
    successRate: delivered / (delivered + failed + retrying),
    p95Ms: durations[Math.min(durations.length - 1, Math.floor(durations.length * 0.95))] ?? null,
    hours: hours.map((hour, index) => ({ from: new Date(since + index * hourMs).toISOString(), ...hour })),
  };
}
