// What the webhook engine reads from the store, and its clean-up in small steps, so that none blocks the process.

import type { SQLInputValue } from 'node:sqlite';
import type { DeliveryQuery, DeliveryStore, DeliveryWithAttempts } from '../delivery-store.ts';
import { type Row, toDeliveryRow, toDeliveryWithAttempts, toRunWebhookRow } from './rows.ts';
import type { Statements } from './statements.ts';

export interface DeliveryReadsOptions {
  readonly statements: Statements;
  /** Run work outside the group commit, with the errors of the store. */
  readonly direct: <T>(work: () => T) => Promise<T>;
  readonly transaction: <T>(work: () => T) => T;
}

/** Later than the creation of all rows. */
const always = Number.MAX_SAFE_INTEGER;

export function deliveryReads({ statements, direct, transaction }: DeliveryReadsOptions): DeliveryStore {
  /** Delete payloads of deleted deliveries that no other delivery needs. */
  function freePayloads(deleted: readonly Row[]): number {
    for (const { sequence } of deleted) statements.dropPayloadUse.run(sequence as number);
    for (const { sequence } of deleted) statements.deleteUnusedPayload.run(sequence as number);
    return deleted.length;
  }

  return {
    getDelivery: (id) =>
      direct(() => {
        const row = statements.getDelivery.get(id);
        return row === undefined ? undefined : toDeliveryWithAttempts(row);
      }),
    listDeliveries: (query) => direct(() => listDeliveries(statements, query)),
    freshDeliveries: (webhookId, sequences) =>
      direct(() =>
        sequences.flatMap((sequence) => statements.freshDelivery.all(sequence, webhookId).map(toDeliveryRow)),
      ),
    freshPlaces: (after, limit) =>
      direct(() =>
        statements.freshPlaces
          .all(after?.sequence ?? 0, after?.webhookId ?? '', limit)
          .map((row) => ({ sequence: row.sequence as number, webhookId: row.webhook_id as string })),
      ),
    waitingDeliveries: (webhookId, until, limit) =>
      direct(() => statements.waitingDeliveries.all(webhookId, until, limit).map(toDeliveryRow)),
    nextWaiting: (webhookId, after) =>
      direct(() => {
        const value = statements.nextWaiting.get(webhookId, after)?.value;
        return typeof value === 'number' ? value : undefined;
      }),
    waitingCounts: () =>
      direct(() =>
        statements.countWaiting.all().map((row) => ({
          webhookId: row.webhook_id as string,
          count: row.rows as number,
          nextAttemptAt: row.next as number,
          oldestCreatedAt: row.oldest as number,
        })),
      ),
    oldestFresh: () =>
      direct(() => {
        const value = statements.oldestFresh.get()?.value;
        return typeof value === 'number' ? value : undefined;
      }),
    pendingAmong: (webhookId, sequences) =>
      direct(() =>
        sequences.filter((sequence) => statements.isPending.get(sequence, webhookId) !== undefined),
      ),
    endedCounts: () =>
      direct(() => {
        const counts = { success: 0, failed: 0, cancelled: 0 };
        for (const { status, rows } of statements.countEnded.all())
          counts[status as keyof typeof counts] = rows as number;
        return counts;
      }),
    getPayload: (sequence) =>
      direct(() => statements.getPayload.get(sequence)?.body as Uint8Array | undefined),
    cancelPending: (webhookId, sequences, { reason, endedAt }) =>
      direct(() =>
        transaction(() => {
          let count = 0;
          for (const sequence of sequences)
            count += Number(statements.cancelPending.run(sequence, webhookId, reason, endedAt).changes);
          return count;
        }),
      ),
    hastenWaiting: (webhookId, { now, withinMs, max }) =>
      direct(() => Number(statements.hastenWaiting.run(webhookId, now, now + withinMs, max).changes)),
    freshenWaiting: (webhookId, max) =>
      direct(() => statements.freshenWaiting.all(webhookId, max).map(({ sequence }) => sequence as number)),
    pullWaiting: (limit, due, max) =>
      direct(() => Number(statements.pullWaiting.run(limit, due, max).changes)),
    pruneDeliveries: ({ before, excess, max }) =>
      direct(() =>
        transaction(() => {
          const beyond = Math.min(excess, max);
          const deleted = beyond > 0 ? statements.pruneDeliveries.all(always, beyond) : [];
          const old = statements.pruneDeliveries.all(before, max - deleted.length);
          return freePayloads([...deleted, ...old]);
        }),
      ),
    clearDeliveries: (webhookId, max) =>
      direct(() =>
        transaction(() =>
          freePayloads(
            webhookId === undefined
              ? statements.clearDeliveries.all(max)
              : statements.clearDeliveriesOf.all(webhookId, max),
          ),
        ),
      ),
    listWebhookStates: () =>
      direct(() =>
        statements.listWebhookStates
          .all()
          .map((row) => ({ webhookId: row.webhook_id as string, state: row.state as string })),
      ),
    listRunWebhooks: () => direct(() => statements.listRunWebhooks.all().map(toRunWebhookRow)),
  };
}

function listDeliveries(statements: Statements, query: DeliveryQuery): readonly DeliveryWithAttempts[] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (condition: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  where('d.id < ?', query.beforeId);
  where('d.webhook_id = ?', query.webhookId);
  where('d.status = ?', query.status);
  where('d.event_type = ?', query.eventType);
  where('p.event_id = ?', query.eventId);
  where('d.created_at >= ?', query.since);
  // Lets the planner use the index of ended deliveries.
  if (query.status !== undefined && query.status !== 'pending') conditions.push('d.ended_at IS NOT NULL');
  const text = `SELECT d.*, p.event_id FROM deliveries d JOIN payloads p USING (sequence)
    ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY d.id DESC LIMIT ?`;
  return statements
    .composed(text)
    .all(...values, query.limit)
    .map(toDeliveryWithAttempts);
}
