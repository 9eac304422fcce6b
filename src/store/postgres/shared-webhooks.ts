// Webhooks that several nodes share: the registry as a table, and the deliveries of some webhooks.

import type { ArrivedDeliveries, SharedWebhookStore } from '../shared-webhook-store.ts';
import type { Statement } from './database.ts';
import { createSharedEntries, type SharedEntriesOptions } from './shared-entries.ts';

export type SharedWebhooksOptions = Pick<SharedEntriesOptions, 'database' | 'guard' | 'onChanged'>;

const isFresh = "d.status = 'pending' AND d.next_attempt_at IS NULL";
/** Larger payloads are read when they are sent: many of them would fill the memory. */
const largestPayload = 16_384;
const isWaiting = "status = 'pending' AND next_attempt_at IS NOT NULL";

function idsIn(condition: string): string {
  return `WITH RECURSIVE found (id) AS (
      SELECT min(d.webhook_id) FROM deliveries d WHERE ${condition}
      UNION ALL
      SELECT (SELECT min(d.webhook_id) FROM deliveries d WHERE ${condition} AND d.webhook_id > found.id)
      FROM found WHERE found.id IS NOT NULL)
    SELECT id FROM found WHERE id IS NOT NULL`;
}

const texts = {
  webhookStatesOf: 'SELECT webhook_id, state FROM webhook_states WHERE webhook_id = ANY($1::text[])',
  waitingCountsOf: `SELECT webhook_id, count(*) AS rows, min(next_attempt_at) AS next, min(created_at) AS oldest FROM deliveries
    WHERE webhook_id = ANY($1::text[]) AND ${isWaiting} GROUP BY webhook_id`,
  freshPlacesOf: `SELECT w.id AS webhook_id, f.sequence FROM unnest($1::text[]) AS w(id) CROSS JOIN LATERAL (
      SELECT d.sequence FROM deliveries d WHERE d.webhook_id = w.id AND ${isFresh} AND d.sequence > $2 AND d.sequence <= $3
      ORDER BY d.webhook_id, d.sequence LIMIT $4) AS f
    ORDER BY w.id, f.sequence`,
  oldestFreshOf: `SELECT min(f.created_at) AS value FROM unnest($1::text[]) AS w(id) CROSS JOIN LATERAL (
      SELECT created_at FROM deliveries d WHERE d.webhook_id = w.id AND ${isFresh} ORDER BY d.webhook_id, d.sequence LIMIT 1) AS f`,
  // One row for each event, which has what its deliveries have in common: a row costs more than the ids in it.
  newDeliveries: `SELECT d.sequence, p.event_id, d.event_type, d.hop, d.created_at, d.expires_at, d.are_new, d.ids,
      CASE WHEN $5 AND octet_length(p.body) <= ${largestPayload} THEN p.body END, p.trace
    FROM (
      SELECT d.sequence, d.event_type, d.hop, d.created_at, d.expires_at, d.attempt_log = '' AS are_new,
        string_agg(d.webhook_id || ' ' || d.id, ' ') AS ids
      FROM deliveries d
      WHERE d.sequence > $1 AND d.sequence <= $2 AND ${isFresh} AND d.webhook_id = ANY($3::text[])
      GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY d.sequence FETCH FIRST $4 ROWS WITH TIES) AS d
    JOIN payloads p USING (sequence) ORDER BY d.sequence`,
  // Each step jumps to the next webhook in the index.
  pendingWebhooks: `SELECT id FROM (${idsIn(isFresh)}) AS fresh UNION SELECT id FROM (${idsIn(isWaiting)}) AS waiting`,
} as const;

const statements = Object.fromEntries(
  Object.entries(texts).map(([name, text]) => [name, { name, text, arrays: name === 'newDeliveries' }]),
) as Readonly<Record<keyof typeof texts, Statement>>;

export function createSharedWebhooks({
  database,
  guard,
  onChanged,
}: SharedWebhooksOptions): SharedWebhookStore {
  return {
    registry: createSharedEntries({
      ...{ database, guard, onChanged },
      topic: 'webhooks',
      texts: {
        entries: 'SELECT id, run_id, entry, version FROM webhooks',
        change: 'SELECT change_webhook($1, $2, $3, $4) AS version',
      },
    }),
    async webhookStatesOf(webhookIds) {
      const { rows } = await database.read(statements.webhookStatesOf, [webhookIds]);
      return rows.map((row) => ({ webhookId: row.webhook_id as string, state: row.state as string }));
    },
    async waitingCountsOf(webhookIds) {
      const { rows } = await database.read(statements.waitingCountsOf, [webhookIds]);
      return rows.map((row) => ({
        webhookId: row.webhook_id as string,
        count: row.rows as number,
        nextAttemptAt: row.next as number,
        oldestCreatedAt: row.oldest as number,
      }));
    },
    async freshPlacesOf(webhookIds, { after, upTo, limit }) {
      const { rows } = await database.read(statements.freshPlacesOf, [webhookIds, after, upTo, limit]);
      return rows.map((row) => ({ sequence: row.sequence as number, webhookId: row.webhook_id as string }));
    },
    async pendingWebhooks() {
      const { rows } = await database.read(statements.pendingWebhooks);
      return rows.map(({ id }) => id as string);
    },
    async oldestFreshOf(webhookIds) {
      const { rows } = await database.read(statements.oldestFreshOf, [webhookIds]);
      return typeof rows[0]?.value === 'number' ? rows[0].value : undefined;
    },
    async newDeliveries({ after, upTo, webhookIds, limit, withPayloads }) {
      const values = [after, upTo, webhookIds, limit, withPayloads];
      const { rows } = await database.read(statements.newDeliveries, values);
      return (rows as unknown as readonly ArrivedColumns[]).map(toArrived);
    },
  };
}

type ArrivedColumns = readonly [
  sequence: number,
  eventId: string,
  eventType: string,
  hop: number,
  createdAt: number,
  expiresAt: number,
  areNew: boolean,
  ids: string,
  body: string | null,
  trace: string | null,
];

function toArrived(row: ArrivedColumns): ArrivedDeliveries {
  const ids = row[7].split(' ');
  return {
    sequence: row[0],
    eventId: row[1],
    eventType: row[2],
    hop: row[3],
    createdAt: row[4],
    expiresAt: row[5],
    areNew: row[6],
    deliveries: Array.from({ length: ids.length / 2 }, (_, n) => ({
      webhookId: ids[2 * n] as string,
      id: ids[2 * n + 1] as string,
    })),
    trace: row[9] ?? undefined,
    payload: row[8] === null ? undefined : Buffer.from(row[8]),
  };
}
