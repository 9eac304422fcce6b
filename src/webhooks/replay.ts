// Queues past events of the log again for a webhook, with their ids and in their order. Works in steps, so that a
// million events delay nothing else. Events that are already pending are not queued twice.

import { CodeBuddyError } from '../base/errors.ts';
import { makeId } from '../base/ids.ts';
import type { Replayed, ReplayRange } from '../contract/webhook-actions.ts';
import type { EventLog } from '../events/event-log.ts';
import type { NewDeliveries } from '../store/delivery-store.ts';
import type { EventRow, Store, Write } from '../store/store.ts';
import { isAbout } from './outbox.ts';
import { payloadParts } from './payload.ts';
import { lifetimeMs } from './retry-policy.ts';

export interface ReplayOptions {
  readonly store: Store;
  readonly log: Pick<EventLog, 'bounds'>;
  readonly webhookId: string;
  readonly range: ReplayRange;
  /** Exact names; undefined for all. */
  readonly types: readonly string[] | undefined;
  readonly now: () => number;
  readonly signal: { readonly aborted: boolean };
  /** Called before each step is committed. */
  readonly onQueueing?: ((sequences: readonly number[]) => void) | undefined;
  /** Called after each step is committed. */
  readonly onQueued: (sequences: readonly number[]) => void;
}

const stepSize = 200;

/** @throws CodeBuddyError `validation_failed` naming /after or /before */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { store, log, webhookId, range, types, now, signal, onQueueing, onQueued } = options;
  if (range.before !== undefined && isReversed(range.after, range.before))
    throw fault('before', `must come after ${JSON.stringify(range.after)}`);
  const { last } = await log.bounds();
  let after = await position('after', range.after, store, last);
  const before =
    typeof range.before === 'number'
      ? await position('before', range.before, store, last)
      : range.before === undefined
        ? last + 1
        : (await position('before', range.before, store, last)) + 1;
  let queued = 0;
  let skipped = 0;
  while (!signal.aborted) {
    const rows = await store.readEvents({
      after,
      before: Math.min(before, last + 1),
      limit: stepSize,
      ...(types === undefined ? {} : { types }),
    });
    const lastRow = rows.at(-1);
    if (lastRow === undefined) break;
    after = lastRow.sequence;
    const waiting = new Set(
      await store.pendingAmong(
        webhookId,
        rows.map(({ sequence }) => sequence),
      ),
    );
    const wanted = rows.filter(
      ({ sequence, type, data }) => !waiting.has(sequence) && !isAbout(webhookId, type, data),
    );
    skipped += rows.length - wanted.length;
    if (wanted.length > 0) {
      onQueueing?.(wanted.map(({ sequence }) => sequence));
      await store.write(wanted.map((row) => toWrite(row, webhookId, now())));
      queued += wanted.length;
      onQueued(wanted.map(({ sequence }) => sequence));
    }
    // Let other work run between the steps.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { queued, skipped };
}

function toWrite(row: EventRow, webhookId: string, now: number): Write {
  const outbox: NewDeliveries = {
    payload: payloadParts(row),
    hop: 0,
    createdAt: now,
    expiresAt: now + lifetimeMs,
    deliveries: [{ id: makeId('dlv', now), webhookId }],
  };
  const { sequence, id, type, data } = row;
  return { kind: 'addDeliveries', sequence, eventId: id, eventType: type, data, outbox };
}

/** The sequence after which the range begins: for a time, that of the last event before it. */
async function position(
  name: 'after' | 'before',
  value: number | string,
  store: Store,
  last: number,
): Promise<number> {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0)
      throw fault(name, 'must be a sequence number or an RFC 3339 time');
    return value;
  }
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.test(value)
    ? Date.parse(value)
    : Number.NaN;
  if (Number.isNaN(time))
    throw fault(name, `must be a sequence number or an RFC 3339 time; it is ${JSON.stringify(value)}`);
  // Sequences grow with time, except for jumps of the clock, so a binary search finds the place in twenty reads.
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const [row] = await store.readEvents({ after: middle - 1, limit: 1 });
    if (row !== undefined && row.timestamp < time) low = Math.max(row.sequence, middle);
    else high = middle - 1;
  }
  return Math.min(low, last);
}

function isReversed(after: number | string, before: number | string): boolean {
  if (typeof after === 'number' && typeof before === 'number') return before < after;
  return typeof after === 'string' && typeof before === 'string' && Date.parse(before) < Date.parse(after);
}

function fault(name: string, message: string): CodeBuddyError {
  return new CodeBuddyError('validation_failed', `${name} ${message}`, {
    errors: [{ in: 'body', pointer: `/${name}`, message }],
  });
}
