// Changes of many rows in steps. A step is small, so that it holds no lock for long.

import type { DeliveryStore } from '../delivery-store.ts';
import type { Store } from '../store.ts';
import type { Database, Result, Session, Statement } from './database.ts';
import { throwStorageError } from './postgres-errors.ts';
import { inTransaction, type WriteGuard } from './transaction.ts';

type Maintenance = Pick<
  Store & DeliveryStore,
  | 'probe'
  | 'pruneEvents'
  | 'pruneAnswers'
  | 'cancelPending'
  | 'hastenWaiting'
  | 'freshenWaiting'
  | 'pullWaiting'
  | 'pruneDeliveries'
  | 'clearDeliveries'
>;

export interface MaintenanceOptions {
  readonly database: Database;
  readonly guard: () => WriteGuard | undefined;
  /** Unix ms. */
  readonly now: () => number;
}

const statements = {
  // A commit that changes a row, and so proves that the database takes one.
  probe: { name: 'probe', text: 'UPDATE probe SET count = count + 1' },
  // Always the front of the log, so that the rest has no holes: of the `max` oldest, all up to the last that is too
  // old. The order is that of the sequence; a clock that was set back or forward for a while changes nothing. No index
  // on time is needed.
  pruneEvents: {
    name: 'pruneEvents',
    text: `DELETE FROM events WHERE sequence <= (
      SELECT max(sequence) FROM (SELECT sequence, timestamp FROM events ORDER BY sequence LIMIT $2) AS front WHERE timestamp < $1)`,
  },
  pruneEventsUpTo: {
    name: 'pruneEventsUpTo',
    text: `DELETE FROM events WHERE sequence <= (
      SELECT max(sequence) FROM (SELECT sequence FROM events WHERE sequence <= $1 ORDER BY sequence LIMIT $2) AS front)`,
  },
  // For a log whose front was written while the clock was ahead: what lies before an event that is too old is older
  // still.
  firstTimestamp: {
    name: 'firstTimestamp',
    text: 'SELECT timestamp AS value FROM events ORDER BY sequence LIMIT 1',
  },
  lastOldEvent: {
    name: 'lastOldEvent',
    text: `SELECT max(sequence) FILTER (WHERE timestamp < $2) AS old, max(sequence) AS last FROM (
      SELECT sequence, timestamp FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $3) AS rows`,
  },
  pruneAnswers: {
    name: 'pruneAnswers',
    text: 'DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE created_at < $1 ORDER BY created_at LIMIT $2)',
  },
  cancelPending: {
    name: 'cancelPending',
    text: `UPDATE deliveries SET status = 'cancelled', reason = $3, ended_at = $4, next_attempt_at = NULL
      WHERE sequence = ANY($2::bigint[]) AND webhook_id = $1 AND status = 'pending'`,
  },
  hastenWaiting: {
    name: 'hastenWaiting',
    text: `UPDATE deliveries SET next_attempt_at = $2 WHERE id IN (
      SELECT id FROM deliveries WHERE webhook_id = $1 AND status = 'pending' AND next_attempt_at > $2
        AND (next_attempt_at <= $3 OR reason NOT IN ('http_error', 'redirect_refused', 'gone', 'rate_limited')) LIMIT $4)`,
  },
  freshenWaiting: {
    name: 'freshenWaiting',
    text: `UPDATE deliveries SET next_attempt_at = NULL WHERE id IN (
      SELECT id FROM deliveries WHERE webhook_id = $1 AND status = 'pending' AND next_attempt_at IS NOT NULL LIMIT $2)
      RETURNING sequence`,
  },
  // Not by webhook: it is for the clock of the machine, at the start.
  pullWaiting: {
    name: 'pullWaiting',
    text: `UPDATE deliveries SET next_attempt_at = $2 WHERE id IN (
      SELECT id FROM deliveries WHERE status = 'pending' AND next_attempt_at > $1 LIMIT $3)`,
  },
  pruneDeliveries: {
    name: 'pruneDeliveries',
    text: `DELETE FROM deliveries WHERE id IN (
      SELECT id FROM (SELECT id, created_at FROM deliveries WHERE ended_at IS NOT NULL ORDER BY id LIMIT $2) AS oldest
      WHERE created_at < $1) RETURNING sequence`,
  },
  clearDeliveries: {
    name: 'clearDeliveries',
    text: `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE ended_at IS NOT NULL LIMIT $1) RETURNING sequence`,
  },
  clearDeliveriesOf: {
    name: 'clearDeliveriesOf',
    text: `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE ended_at IS NOT NULL AND webhook_id = $2 LIMIT $1)
      RETURNING sequence`,
  },
  // One sequence for each deleted delivery.
  dropPayloadUses: {
    name: 'dropPayloadUses',
    text: `UPDATE payloads p SET uses = p.uses - d.count FROM (
        SELECT sequence, count(*)::integer AS count FROM unnest($1::bigint[]) AS u(sequence) GROUP BY sequence) AS d
      WHERE p.sequence = d.sequence`,
  },
  deleteUnusedPayloads: {
    name: 'deleteUnusedPayloads',
    text: 'DELETE FROM payloads WHERE sequence = ANY($1::bigint[]) AND uses <= 0',
  },
} as const satisfies Readonly<Record<string, Statement>>;

/** Every row was created before it. */
const always = Number.MAX_SAFE_INTEGER;
const eventsPerLook = 10_000;

export function createMaintenance({ database, guard, now }: MaintenanceOptions): Maintenance {
  const transaction = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    inTransaction({ database, pool: 'others', guard: guard() }, work).catch(throwStorageError);
  const change = (statement: Statement, values: readonly unknown[] = []): Promise<Result> =>
    transaction((session) => session.run(statement, values));
  const sequencesOf = ({ rows }: Result): number[] => rows.map(({ sequence }) => sequence as number);

  /** Deletes the payloads of deleted deliveries that no other delivery sends. Returns how many deliveries these were. */
  function freePayloads(session: Session, deleted: readonly number[]): number {
    if (deleted.length > 0) {
      void session.run(statements.dropPayloadUses, [deleted]);
      void session.run(statements.deleteUnusedPayloads, [deleted]);
    }
    return deleted.length;
  }

  /**
   * The last old event behind a front that was written while the clock was ahead. In steps: that may be all of the log.
   */
  async function lastOldEvent(before: number): Promise<number | undefined> {
    for (let after = 0; ; ) {
      const { rows } = await database.read(statements.lastOldEvent, [after, before, eventsPerLook]);
      if (typeof rows[0]?.old === 'number') return rows[0].old;
      if (typeof rows[0]?.last !== 'number') return undefined;
      after = rows[0].last;
    }
  }

  return {
    async probe() {
      await change(statements.probe);
    },
    async pruneEvents(before, max) {
      const { count } = await change(statements.pruneEvents, [before, max]);
      if (count > 0) return count;
      const front = (await database.read(statements.firstTimestamp)).rows[0]?.value;
      if (typeof front !== 'number' || front <= now()) return 0;
      const old = await lastOldEvent(before);
      return old === undefined ? 0 : (await change(statements.pruneEventsUpTo, [old, max])).count;
    },
    pruneAnswers: async (before, max) => (await change(statements.pruneAnswers, [before, max])).count,
    cancelPending: async (webhookId, sequences, { reason, endedAt }) =>
      (await change(statements.cancelPending, [webhookId, sequences, reason, endedAt])).count,
    hastenWaiting: async (webhookId, { now: dueAt, withinMs, max }) =>
      (await change(statements.hastenWaiting, [webhookId, dueAt, dueAt + withinMs, max])).count,
    freshenWaiting: async (webhookId, max) =>
      sequencesOf(await change(statements.freshenWaiting, [webhookId, max])),
    pullWaiting: async (limit, due, max) => (await change(statements.pullWaiting, [limit, due, max])).count,
    pruneDeliveries: ({ before, excess, max }) =>
      transaction(async (session) => {
        const beyond = Math.min(excess, max);
        const deleted =
          beyond > 0 ? sequencesOf(await session.run(statements.pruneDeliveries, [always, beyond])) : [];
        const old = await session.run(statements.pruneDeliveries, [before, max - deleted.length]);
        return freePayloads(session, [...deleted, ...sequencesOf(old)]);
      }),
    clearDeliveries: (webhookId, max) =>
      transaction(async (session) => {
        const deleted =
          webhookId === undefined
            ? await session.run(statements.clearDeliveries, [max])
            : await session.run(statements.clearDeliveriesOf, [max, webhookId]);
        return freePayloads(session, sequencesOf(deleted));
      }),
  };
}
