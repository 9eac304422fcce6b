// Rows of events and deliveries, written to PostgreSQL without a node: the bare counterpart of `emit`, and a backlog.

import type pg from 'pg';
import { makeId } from '../src/base/ids.ts';
import { lifetimeMs } from '../src/webhooks/retry-policy.ts';
import { newEvent } from './webhook-event.ts';

const deliveryColumns =
  'sequence, webhook_id, id, event_type, status, hop, attempts, tries, pauses, created_at, expires_at, attempt_log';

/** An event, its payload and its deliveries in one commit. */
export async function insertBareEvent(
  client: pg.Client,
  deliveries: number,
  payloadText: string,
): Promise<void> {
  const event = newEvent(payloadText);
  const now = event.timestamp;
  await client.query({
    name: 'bare',
    text: `WITH head AS (UPDATE log_head SET last = last + 1 RETURNING last),
      event AS (INSERT INTO events (sequence, id, type, timestamp, data)
        SELECT last, $1::text, $2::text, $3::bigint, $4::text FROM head),
      payload AS (INSERT INTO payloads SELECT last, $1::text, $4::text, $7::integer FROM head)
      INSERT INTO deliveries (${deliveryColumns})
        SELECT last, webhook, id, $2::text, 'pending', 0, 0, 0, 0, $3::bigint, $8::bigint, ''
        FROM head, unnest($5::text[], $6::text[]) AS d(webhook, id)`,
    values: [
      event.id,
      event.type,
      now,
      event.data,
      Array.from({ length: deliveries }, (_, n) => `webhook-${n}`),
      Array.from({ length: deliveries }, () => makeId('dlv', now)),
      deliveries,
      now + lifetimeMs,
    ],
  });
}

/** Fresh deliveries of events that were emitted before, for all webhooks of the database. */
export async function insertBacklog(client: pg.Client, pending: number, payloadText: string): Promise<void> {
  const { type, data, timestamp } = newEvent(payloadText);
  await client.query(
    `WITH hooks AS (SELECT id, count(*) OVER () AS total FROM webhooks),
      made AS (SELECT (SELECT last FROM log_head) + n AS sequence, 'evt_backlog_' || n AS id
        FROM generate_series(1, ceil($1::numeric / (SELECT count(*) FROM hooks))::integer) AS n),
      event AS (INSERT INTO events (sequence, id, type, timestamp, data)
        SELECT sequence, id, $2, $3, $4 FROM made),
      payload AS (INSERT INTO payloads SELECT sequence, id, $4, (SELECT count(*) FROM hooks) FROM made)
      INSERT INTO deliveries (${deliveryColumns})
        SELECT sequence, hooks.id, 'dlv_backlog_' || sequence || '_' || hooks.id, $2, 'pending', 0, 0, 0, 0, $3, $5, ''
        FROM made, hooks`,
    [pending, type, timestamp, data, timestamp + lifetimeMs],
  );
  await client.query('UPDATE log_head SET last = (SELECT max(sequence) FROM events)');
  await client.query('ANALYZE events, payloads, deliveries');
}
