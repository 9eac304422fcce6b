// The deliveries of the store: reads on the main thread, changes of many rows on the writer thread.

import type {
  DeliveryQuery,
  DeliveryRow,
  DeliveryStore,
  DeliveryWithAttempts,
  FailedCount,
} from '../delivery-store.ts';
import {
  type FreshColumns,
  toDeliveryFact,
  toDeliveryRow,
  toDeliveryWithAttempts,
  toFreshDelivery,
  toRunWebhookRow,
} from '../rows.ts';
import { createConditions, whereClause } from './conditions.ts';
import { afterAllIds, type Reads } from './statements.ts';
import type { Writer } from './writer.ts';

export interface DeliveriesOptions {
  readonly reads: Reads;
  /** Run a read, with the store's errors. */
  readonly read: <T>(work: () => T) => Promise<T>;
  readonly call: Writer['call'];
}

export function deliveryStore({ reads, read, call }: DeliveriesOptions): DeliveryStore {
  return {
    getDelivery: (id) =>
      read(() => {
        const row = reads.getDelivery.get(id);
        return row === undefined ? undefined : toDeliveryWithAttempts(row);
      }),
    listDeliveries: (query) => read(() => listDeliveries(reads, query)),
    deliveryFacts: ({ beforeId = afterAllIds, limit }) =>
      read(() => reads.deliveryFacts.all(beforeId, limit).map(toDeliveryFact)),
    countFailed: (query) => read(() => countFailed(reads, query)),
    freshDeliveries: (webhookId, sequences) => read(() => freshDeliveries(reads, webhookId, sequences)),
    freshPlaces: (after, limit) =>
      read(() =>
        reads.freshPlaces
          .all(after?.sequence ?? 0, after?.webhookId ?? '', limit)
          .map((row) => ({ sequence: row.sequence as number, webhookId: row.webhook_id as string })),
      ),
    waitingDeliveries: (webhookId, until, limit) =>
      read(() => reads.waitingDeliveries.all(webhookId, until, limit).map(toDeliveryRow)),
    nextWaiting: (webhookId, after) =>
      read(() => {
        const value = reads.nextWaiting.get(webhookId, after)?.value;
        return typeof value === 'number' ? value : undefined;
      }),
    waitingCounts: () =>
      read(() =>
        reads.countWaiting.all().map((row) => ({
          webhookId: row.webhook_id as string,
          count: row.rows as number,
          nextAttemptAt: row.next as number,
          oldestCreatedAt: row.oldest as number,
        })),
      ),
    oldestFresh: () =>
      read(() => {
        const value = reads.oldestFresh.get()?.value;
        return typeof value === 'number' ? value : undefined;
      }),
    pendingAmong: (webhookId, sequences) =>
      read(() => sequences.filter((sequence) => reads.isPending.get(sequence, webhookId) !== undefined)),
    endedCounts: () =>
      read(() => {
        const counts = { success: 0, failed: 0, cancelled: 0 };
        for (const { status, rows } of reads.countEnded.all())
          counts[status as keyof typeof counts] = rows as number;
        return counts;
      }),
    getPayload: (sequence) => read(() => reads.getPayload.get(sequence)?.body as Uint8Array | undefined),
    cancelPending: (webhookId, sequences, end) => call('cancelPending', webhookId, sequences, end),
    hastenWaiting: (webhookId, options) => call('hastenWaiting', webhookId, options),
    freshenWaiting: (webhookId, max) => call('freshenWaiting', webhookId, max),
    pullWaiting: (limit, due, max) => call('pullWaiting', limit, due, max),
    pruneDeliveries: (options) => call('pruneDeliveries', options),
    clearDeliveries: (webhookId, max) => call('clearDeliveries', webhookId, max),
    listWebhookStates: () =>
      read(() =>
        reads.listWebhookStates
          .all()
          .map((row) => ({ webhookId: row.webhook_id as string, state: row.state as string })),
      ),
    listRunWebhooks: () => read(() => reads.listRunWebhooks.all().map(toRunWebhookRow)),
  };
}

/**
 * One call that returns arrays: a third of the time of a call for each row. The cross join keeps the order of the
 * sequences.
 */
const freshDeliveriesText = `SELECT d.sequence, d.id, p.event_id, d.event_type, d.hop, d.attempts, d.tries, d.pauses, d.created_at,
    d.expires_at, d.reason, d.attempt_log, p.trace
  FROM json_each(?) j CROSS JOIN deliveries d ON d.sequence = j.value AND d.webhook_id = ? JOIN payloads p USING (sequence)
  WHERE d.status = 'pending' AND d.next_attempt_at IS NULL`;

function freshDeliveries(
  reads: Reads,
  webhookId: string,
  sequences: readonly number[],
): readonly DeliveryRow[] {
  // The types of node:sqlite know rows as objects only.
  const rows: unknown = reads.composedArrays(freshDeliveriesText).all(JSON.stringify(sequences), webhookId);
  return (rows as readonly FreshColumns[]).map((row) => toFreshDelivery(webhookId, row));
}

function listDeliveries(reads: Reads, query: DeliveryQuery): readonly DeliveryWithAttempts[] {
  const { texts: conditions, values, where } = createConditions();
  where('d.id < ?', query.beforeId);
  where('d.webhook_id = ?', query.webhookId);
  where('d.status = ?', query.status);
  where('d.event_type = ?', query.eventType);
  where('p.event_id = ?', query.eventId);
  where('d.created_at >= ?', query.since);
  // Lets the planner walk the index of ended deliveries.
  if (query.status !== undefined && query.status !== 'pending') conditions.push('d.ended_at IS NOT NULL');
  const text = `SELECT d.*, p.event_id, p.trace FROM deliveries d JOIN payloads p USING (sequence)
    ${whereClause(conditions)} ORDER BY d.id DESC LIMIT ?`;
  return reads
    .composed(text)
    .all(...values, query.limit)
    .map(toDeliveryWithAttempts);
}

function countFailed(
  reads: Reads,
  query: Pick<DeliveryQuery, 'webhookId' | 'eventType' | 'since'>,
): readonly FailedCount[] {
  const { texts: conditions, values, where } = createConditions();
  // `ended_at` lets the planner walk the index of ended deliveries.
  conditions.push("status = 'failed'", 'ended_at IS NOT NULL');
  where('webhook_id = ?', query.webhookId);
  where('event_type = ?', query.eventType);
  where('created_at >= ?', query.since);
  const text = `SELECT webhook_id, count(*) AS rows FROM deliveries${whereClause(conditions)} GROUP BY webhook_id`;
  return reads
    .composed(text)
    .all(...values)
    .map((row) => ({ webhookId: row.webhook_id as string, count: row.rows as number }));
}
