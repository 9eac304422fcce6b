// Reads of deliveries, their payloads, and the state of webhooks.

import type { DeliveryRow, DeliveryStore } from '../delivery-store.ts';
import { toDeliveryFact, toDeliveryRow, toDeliveryWithAttempts, toRunWebhookRow } from '../rows.ts';
import { composed, createConditions, whereClause } from './composed.ts';
import type { Database, Row } from './database.ts';
import { createPayloadReader } from './payload-reader.ts';

type DeliveryReader = Omit<
  DeliveryStore,
  'hastenWaiting' | 'cancelPending' | 'freshenWaiting' | 'pullWaiting' | 'pruneDeliveries' | 'clearDeliveries'
>;

const deliveries = 'SELECT d.*, p.event_id, p.trace FROM deliveries d JOIN payloads p USING (sequence)';
const isFresh = "status = 'pending' AND next_attempt_at IS NULL";
const isWaiting = "status = 'pending' AND next_attempt_at IS NOT NULL";

export function createDeliveryReader(database: Database): DeliveryReader {
  const read = async (text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
    (await database.read(composed(text), values)).rows;
  const readNumber = async (text: string, values?: readonly unknown[]): Promise<number | undefined> => {
    const value = (await read(text, values))[0]?.value;
    return typeof value === 'number' ? value : undefined;
  };

  const getPayload = createPayloadReader(async (sequences) => {
    const rows = await read('SELECT sequence, body FROM payloads WHERE sequence = ANY($1::bigint[])', [
      sequences,
    ]);
    return new Map(rows.map(({ sequence, body }) => [sequence as number, Buffer.from(body as string)]));
  });

  return {
    async getDelivery(id) {
      const [row] = await read(`${deliveries} WHERE d.id = $1`, [id]);
      return row === undefined ? undefined : toDeliveryWithAttempts(row);
    },
    async listDeliveries({ webhookId, status, eventType, eventId, since, beforeId, limit }) {
      const { texts: conditions, list, add, where } = createConditions();
      where('d.id < ?', beforeId);
      where('d.webhook_id = ?', webhookId);
      where('d.status = ?', status);
      where('d.event_type = ?', eventType);
      where('p.event_id = ?', eventId);
      where('d.created_at >= ?', since);
      // Lets the planner walk the index of ended deliveries.
      if (status !== undefined && status !== 'pending') conditions.push('d.ended_at IS NOT NULL');
      const text = `${deliveries}${whereClause(conditions)} ORDER BY d.id DESC LIMIT ${add(limit)}`;
      return (await read(text, list)).map(toDeliveryWithAttempts);
    },
    async deliveryFacts({ beforeId, limit }) {
      const { texts: conditions, list, add, where } = createConditions();
      where('id < ?', beforeId);
      const text = `SELECT id, webhook_id, status, tries, created_at, attempt_log FROM deliveries${whereClause(conditions)}
        ORDER BY id DESC LIMIT ${add(limit)}`;
      return (await read(text, list)).map(toDeliveryFact);
    },
    async countFailed({ webhookId, eventType, since }) {
      const { texts: conditions, list, where } = createConditions();
      // `ended_at` lets the planner walk the index of ended deliveries.
      conditions.push("status = 'failed'", 'ended_at IS NOT NULL');
      where('webhook_id = ?', webhookId);
      where('event_type = ?', eventType);
      where('created_at >= ?', since);
      const text = `SELECT webhook_id, count(*) AS rows FROM deliveries${whereClause(conditions)} GROUP BY webhook_id`;
      return (await read(text, list)).map((row) => ({
        webhookId: row.webhook_id as string,
        count: row.rows as number,
      }));
    },
    async freshDeliveries(webhookId, sequences) {
      const rows = await read(
        `${deliveries} WHERE d.sequence = ANY($2::bigint[]) AND d.webhook_id = $1 AND ${isFresh} ORDER BY d.id`,
        [webhookId, sequences],
      );
      const bySequence = new Map<number, DeliveryRow[]>();
      for (const row of rows.map(toDeliveryRow)) {
        const same = bySequence.get(row.sequence);
        if (same === undefined) bySequence.set(row.sequence, [row]);
        else same.push(row);
      }
      return sequences.flatMap((sequence) => bySequence.get(sequence) ?? []);
    },
    async freshPlaces(after, limit) {
      const rows = await read(
        `SELECT sequence, webhook_id FROM deliveries WHERE ${isFresh} AND (sequence, webhook_id) > ($1, $2)
         ORDER BY sequence, webhook_id LIMIT $3`,
        [after?.sequence ?? 0, after?.webhookId ?? '', limit],
      );
      return rows.map((row) => ({ sequence: row.sequence as number, webhookId: row.webhook_id as string }));
    },
    async waitingDeliveries(webhookId, until, limit) {
      const rows = await read(
        `${deliveries} WHERE d.webhook_id = $1 AND ${isWaiting} AND d.next_attempt_at <= $2 ORDER BY d.next_attempt_at LIMIT $3`,
        [webhookId, until, limit],
      );
      return rows.map(toDeliveryRow);
    },
    nextWaiting: (webhookId, after) =>
      readNumber(
        `SELECT min(next_attempt_at) AS value FROM deliveries WHERE webhook_id = $1 AND ${isWaiting} AND next_attempt_at > $2`,
        [webhookId, after],
      ),
    async waitingCounts() {
      const rows = await read(
        `SELECT webhook_id, count(*) AS rows, min(next_attempt_at) AS next, min(created_at) AS oldest FROM deliveries
         WHERE ${isWaiting} GROUP BY webhook_id ORDER BY webhook_id`,
      );
      return rows.map((row) => ({
        webhookId: row.webhook_id as string,
        count: row.rows as number,
        nextAttemptAt: row.next as number,
        oldestCreatedAt: row.oldest as number,
      }));
    },
    oldestFresh: () =>
      readNumber(
        `SELECT d.created_at AS value FROM deliveries d WHERE ${isFresh} ORDER BY d.sequence, d.webhook_id LIMIT 1`,
      ),
    async pendingAmong(webhookId, sequences) {
      const rows = await read(
        "SELECT sequence FROM deliveries WHERE sequence = ANY($2::bigint[]) AND webhook_id = $1 AND status = 'pending'",
        [webhookId, sequences],
      );
      const pending = new Set(rows.map(({ sequence }) => sequence));
      return sequences.filter((sequence) => pending.has(sequence));
    },
    async endedCounts() {
      const counts = { success: 0, failed: 0, cancelled: 0 };
      const text =
        'SELECT status, count(*) AS rows FROM deliveries WHERE ended_at IS NOT NULL GROUP BY status';
      for (const { status, rows } of await read(text)) counts[status as keyof typeof counts] = rows as number;
      return counts;
    },
    getPayload,
    listWebhookStates: async () =>
      (await read('SELECT * FROM webhook_states ORDER BY webhook_id')).map((row) => ({
        webhookId: row.webhook_id as string,
        state: row.state as string,
      })),
    listRunWebhooks: async () =>
      (await read('SELECT * FROM run_webhooks ORDER BY webhook_id')).map(toRunWebhookRow),
  };
}
