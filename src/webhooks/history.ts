// The delivery history: lists, shows, retries and clears deliveries.

import { CodeBuddyError } from '../base/errors.ts';
import type {
  Delivery,
  DeliveryRequest,
  ExplainedDelivery,
  HistoryQuery,
  Matching,
  Queued,
  RetryFilter,
} from '../contract/delivery.ts';
import type { Page } from '../contract/page.ts';
import type { WebhookDay } from '../contract/webhook-figures.ts';
import type { DeliveryRow, DeliveryWithAttempts } from '../store/delivery-store.ts';
import type { DeliveryFigures } from './delivery-figures.ts';
import { deliveryRequest } from './delivery-request.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EngineContext } from './engine-context.ts';
import { explain } from './explain.ts';
import type { Lane } from './lane.ts';
import type { Resuming } from './resume-now.ts';
import { lifetimeMs } from './retry-policy.ts';
import type { Views } from './views.ts';
import { readWebhookDay } from './webhook-day.ts';
import { deliveryNotFound, findLane } from './webhook-errors.ts';

export interface History {
  /** @throws CodeBuddyError `validation_failed` naming /since */
  listDeliveries(query: HistoryQuery): Promise<Page<Delivery>>;
  getDelivery(id: string): Promise<ExplainedDelivery | undefined>;
  /** `attempt`: its number; default: the last one. @throws CodeBuddyError `validation_failed` naming /attempt */
  getRequest(id: string, attempt?: number): Promise<DeliveryRequest | undefined>;
  /** @throws CodeBuddyError `delivery_not_found`, `webhook_not_found`, `delivery_pending` */
  retry(id: string): Promise<Delivery>;
  /** @throws CodeBuddyError `validation_failed` naming /since */
  retryFailed(filter: RetryFilter): Promise<Queued>;
  /** How many deliveries `retryFailed` would queue. @throws CodeBuddyError `validation_failed` naming /since */
  countFailed(filter: RetryFilter): Promise<Matching>;
  /** Failed deliveries, newest first. @throws CodeBuddyError `validation_failed` naming /since */
  failedPage(filter: RetryFilter, beforeId: string | undefined): Promise<readonly DeliveryRow[]>;
  /** Queues those of these deliveries that failed. Resolves to their number. */
  requeueFailed(ids: readonly string[]): Promise<number>;
  clearHistory(filter: { readonly webhookId?: string }): Promise<{ readonly deleted: number }>;
  /** How the deliveries of each webhook went in the last 24 hours. */
  day(): Promise<WebhookDay>;
}

export interface HistoryOptions {
  readonly context: EngineContext;
  readonly views: Pick<Views, 'delivery' | 'times'>;
  readonly figures: DeliveryFigures;
  readonly resuming: Pick<Resuming, 'sendNow'>;
  readonly dispatcher: Pick<Dispatcher, 'wake' | 'committed'>;
}

const retryStep = 200;
const clearStep = 500;

export function createHistory({
  context: { store, clock, lanes, signal },
  views,
  figures,
  resuming,
  dispatcher,
}: HistoryOptions): History {
  const retrying = new Set<string>();

  /** Makes ended deliveries pending again, with a new lifetime and all of their attempts. */
  async function requeue(rows: readonly DeliveryRow[]): Promise<void> {
    const expiresAt = clock.now() + lifetimeMs;
    await store.write(rows.map(({ id }) => ({ kind: 'requeueDelivery', id, expiresAt })));
    for (const { webhookId, status, sequence } of rows) {
      figures.requeued(status);
      const lane = lanes.get(webhookId);
      if (lane === undefined) continue;
      lane.queue.requeued([sequence]);
      dispatcher.wake(lane);
    }
  }

  async function failedPage(
    filter: RetryFilter,
    beforeId: string | undefined,
  ): Promise<readonly DeliveryRow[]> {
    return store.listDeliveries({
      status: 'failed',
      limit: retryStep,
      ...storeFilter(filter),
      ...(beforeId === undefined ? {} : { beforeId }),
    });
  }

  /** @throws CodeBuddyError `delivery_pending` if the delivery is under way, or is sent next anyway */
  function requireRetryable({ id, webhookId, status, nextAttemptAt }: DeliveryRow): void {
    const lane = findLane(lanes, webhookId);
    const isInLine = lane.queue.isInLine(id);
    const isUnderWay = status === 'pending' && lane.queue.knows(id) && !isInLine;
    const isDelayed = lane.isBreakerOpen || lane.shutUntil(clock.now()) !== undefined;
    const isNext = status === 'pending' && (nextAttemptAt === null || isInLine) && !isDelayed;
    if (retrying.has(id) || isUnderWay || isNext)
      throw new CodeBuddyError(
        'delivery_pending',
        `Delivery ${id} is being sent, or is next in line; there is nothing to retry.`,
      );
  }

  /** Reads it until no result of it was committed during the read: the row would be outdated. */
  async function readAgain({ queue }: Lane, id: string): Promise<DeliveryWithAttempts | undefined> {
    for (;;) {
      if (queue.knows(id)) await dispatcher.committed();
      const read = queue.startRead();
      try {
        const row = await store.getDelivery(id);
        if (!read.hasLeft(id)) return row;
      } finally {
        read.end();
      }
    }
  }

  async function retryNow(id: string, row: DeliveryWithAttempts | undefined): Promise<Delivery> {
    if (row === undefined) throw deliveryNotFound(id);
    requireRetryable(row);
    retrying.add(id);
    try {
      await retryRow(row);
    } finally {
      retrying.delete(id);
    }
    return views.delivery((await store.getDelivery(id)) ?? row);
  }

  async function retryRow(row: DeliveryWithAttempts): Promise<void> {
    const { id, webhookId, sequence } = row;
    const lane = findLane(lanes, webhookId);
    if (row.status !== 'pending') {
      await requeue([row]);
      const again = await store.getDelivery(id);
      if (again !== undefined) await resuming.sendNow(lane, again);
      return;
    }
    // It is sent earlier; attempts already spent stay spent.
    if (row.nextAttemptAt !== null && !lane.queue.knows(id))
      await store.write([{ kind: 'changeDelivery', change: { ...row, nextAttemptAt: null } }]);
    if (!lane.queue.knows(id)) lane.queue.freshened([sequence]);
    await resuming.sendNow(lane, { ...row, nextAttemptAt: null });
  }

  return {
    async listDeliveries({ limit, after, event, since, ...query }) {
      const rows = await store.listDeliveries({
        ...query,
        limit: limit + 1,
        ...(after === undefined ? {} : { beforeId: after }),
        ...(event === undefined ? {} : { eventType: event }),
        ...(since === undefined ? {} : { since: timeOf(since) }),
      });
      const items = rows.slice(0, limit).map(views.delivery);
      const last = items.at(-1);
      return rows.length > limit && last !== undefined ? { items, next: last.id } : { items };
    },
    async getDelivery(id) {
      const row = await store.getDelivery(id);
      if (row === undefined) return undefined;
      const delivery = views.delivery(row);
      const payload = await store.getPayload(row.sequence);
      const lane = lanes.get(row.webhookId);
      return { ...delivery, explanation: explain({ delivery, lane, payload, ...views.times() }) };
    },
    async getRequest(id, attempt) {
      const row = await store.getDelivery(id);
      if (row === undefined) return undefined;
      const payload = await store.getPayload(row.sequence);
      return deliveryRequest({ row, lane: lanes.get(row.webhookId), payload, attempt });
    },
    async retry(id) {
      let row = await store.getDelivery(id);
      const lane = row === undefined ? undefined : lanes.get(row.webhookId);
      // The lane starts nothing until the delivery is queued, so the row stays up to date.
      const release = lane?.hold();
      try {
        if (lane !== undefined) row = await readAgain(lane, id);
        return await retryNow(id, row);
      } finally {
        release?.();
        if (lane !== undefined) dispatcher.wake(lane);
      }
    },
    failedPage,
    day: () => readWebhookDay(store, clock.now()),
    async requeueFailed(ids) {
      const rows = await Promise.all(ids.map((id) => store.getDelivery(id)));
      const wanted = rows.filter(
        (row) => row?.status === 'failed' && lanes.has(row.webhookId) && !retrying.has(row.id),
      ) as DeliveryRow[];
      for (const { id } of wanted) retrying.add(id);
      try {
        if (wanted.length > 0) await requeue(wanted);
      } finally {
        for (const { id } of wanted) retrying.delete(id);
      }
      return wanted.length;
    },
    async retryFailed(filter) {
      let beforeId: string | undefined;
      let queued = 0;
      while (!signal.aborted) {
        const rows = await failedPage(filter, beforeId);
        beforeId = rows.at(-1)?.id;
        if (beforeId === undefined) break;
        const wanted = rows.filter((row) => lanes.has(row.webhookId) && !retrying.has(row.id));
        if (wanted.length > 0) await requeue(wanted);
        queued += wanted.length;
      }
      return { queued };
    },
    async countFailed(filter) {
      const counts = await store.countFailed(storeFilter(filter));
      // Deliveries of removed webhooks cannot be retried.
      const retryable = counts.filter(({ webhookId }) => lanes.has(webhookId));
      return { matching: retryable.reduce((sum, { count }) => sum + count, 0) };
    },
    async clearHistory({ webhookId }) {
      let deleted = 0;
      for (;;) {
        const count = await store.clearDeliveries(webhookId, clearStep);
        deleted += count;
        figures.deleted(count);
        if (count < clearStep) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      figures.recounted(await store.endedCounts());
      return { deleted };
    },
  };
}

/** @throws CodeBuddyError `validation_failed` naming /since */
function storeFilter({ webhookId, event, since }: RetryFilter) {
  return {
    ...(webhookId === undefined ? {} : { webhookId }),
    ...(event === undefined ? {} : { eventType: event }),
    ...(since === undefined ? {} : { since: timeOf(since) }),
  };
}

/** @throws CodeBuddyError `validation_failed` */
function timeOf(since: string): number {
  const time = Date.parse(since);
  if (!Number.isNaN(time)) return time;
  const message = `must be an RFC 3339 time; it is ${JSON.stringify(since)}`;
  throw new CodeBuddyError('validation_failed', `since ${message}`, {
    errors: [{ in: 'query', pointer: '/since', message }],
  });
}
