// Deliveries that other nodes have committed, for the webhooks of this node: they are read from the store as the log
// announces their events, and queued in the order of the events.

import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryPlace, DeliveryRow } from '../../store/delivery-store.ts';
import type { SharedWebhookStore } from '../../store/shared-webhook-store.ts';
import type { Lane } from '../lane.ts';
import type { PayloadCache } from '../payload-cache.ts';

export interface ArrivalsOptions {
  readonly store: Pick<SharedWebhookStore, 'newDeliveries' | 'payloadsOf'>;
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly payloads: PayloadCache;
  /** The webhooks whose deliveries this node sends, or is about to send. */
  readonly ownIds: () => readonly string[];
  /** Queues a delivery. Returns true if it went to memory. */
  readonly queue: (lane: Lane, delivery: DeliveryRow) => boolean;
  /** The node has just become the owner: new deliveries are queued after those from the store. */
  readonly isTakingUp: (webhookId: string, sequence: number) => boolean;
  readonly wake: (lane: Lane) => void;
  readonly untilDone: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

export interface Arrivals {
  /** Events of other nodes were committed. */
  foreign(range: { readonly after: number; readonly upTo: number }): void;
  /**
   * A delivery of an own event of an ordered webhook. Returns true if it is queued later, because earlier events are still
   * being read.
   */
  waits(delivery: DeliveryRow): boolean;
  /** A replay has queued deliveries of these events: those that are not read yet must not be queued twice. */
  replayed(webhookId: string, sequences: readonly number[]): void;
}

const pageSize = 500;
/** Deliveries that arrive within this time are read together: a busy node is woken a hundred times a second. In ms. */
const togetherMs = 15;

export function createArrivals({
  store,
  lanes,
  payloads,
  ownIds,
  queue,
  isTakingUp,
  wake,
  untilDone,
  onError,
  signal,
}: ArrivalsOptions): Arrivals {
  let ranges: { after: number; upTo: number }[] = [];
  /** Of own events, in the order of the events. */
  let waiting: DeliveryRow[] = [];
  let reading: Promise<void> | undefined;
  /** Events up to here are queued. */
  let done = 0;
  /** Deliveries of events after `done` that are queued already. */
  const replayed = new Map<string, number>();

  async function readAll(): Promise<void> {
    // Announcements of one turn of the event loop are read together.
    await new Promise((resolve) => setImmediate(resolve));
    while (ranges.length + waiting.length > 0 && !signal.aborted) {
      const taken = ranges;
      const own = waiting;
      ranges = [];
      waiting = [];
      await read(taken, own);
      await sleep(togetherMs, undefined, { ref: false });
    }
    reading = undefined;
  }

  async function read(
    taken: readonly { readonly after: number; readonly upTo: number }[],
    own: readonly DeliveryRow[],
  ): Promise<void> {
    const upTo = taken.at(-1)?.upTo ?? 0;
    const webhookIds = ownIds();
    let after: DeliveryPlace = { sequence: (taken[0]?.after ?? 0) + 1, webhookId: '' };
    let nextRange = 0;
    let nextOwn = 0;
    const isForeign = (sequence: number): boolean => {
      while (sequence > (taken[nextRange]?.upTo ?? Number.POSITIVE_INFINITY)) nextRange++;
      return sequence > (taken[nextRange]?.after ?? Number.POSITIVE_INFINITY);
    };
    const touched = new Set<Lane>();
    const put = (row: DeliveryRow, body: Uint8Array | undefined): void => {
      const lane = lanes.get(row.webhookId);
      if (lane === undefined || isTakingUp(row.webhookId, row.sequence)) return;
      if (lane.isShadow || row.sequence <= lane.knownUpTo || replayed.has(keyOf(row))) return;
      if (queue(lane, row) && body !== undefined) payloads.put(row.sequence, body);
      touched.add(lane);
    };
    const putOwnBefore = (sequence: number): void => {
      for (let row = own[nextOwn]; row !== undefined && row.sequence < sequence; row = own[++nextOwn])
        put(row, undefined);
    };
    for (let isLast = webhookIds.length === 0 || taken.length === 0; !isLast; ) {
      const rows = await untilDone(() => store.newDeliveries({ after, upTo, webhookIds, limit: pageSize }));
      const foreign = rows.filter(({ sequence }) => isForeign(sequence));
      const bodies = await bodiesOf(foreign);
      for (const row of foreign) {
        putOwnBefore(row.sequence);
        put(row, bodies.get(row.sequence));
      }
      after = rows.at(-1) ?? after;
      isLast = rows.length < pageSize;
      for (const lane of touched) wake(lane);
      touched.clear();
    }
    putOwnBefore(Number.POSITIVE_INFINITY);
    for (const lane of touched) wake(lane);
    done = Math.max(done, upTo);
    for (const [key, sequence] of replayed) if (sequence <= done) replayed.delete(key);
  }

  /** Those that are missing are read again when they are sent. */
  async function bodiesOf(rows: readonly DeliveryRow[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const sequences = [...new Set(rows.map(({ sequence }) => sequence))];
    if (sequences.length === 0) return new Map();
    try {
      return await store.payloadsOf(sequences);
    } catch (error) {
      onError(error);
      return new Map();
    }
  }

  return {
    foreign({ after, upTo }) {
      const last = ranges.at(-1);
      if (last?.upTo === after) last.upTo = upTo;
      else ranges.push({ after, upTo });
      reading ??= readAll().catch((error: unknown) => {
        reading = undefined;
        if (!signal.aborted) onError(error);
      });
    },
    waits(delivery) {
      if (reading === undefined) return false;
      waiting.push(delivery);
      return true;
    },
    replayed(webhookId, sequences) {
      for (const sequence of sequences)
        if (sequence > done) replayed.set(keyOf({ webhookId, sequence }), sequence);
    },
  };
}

function keyOf({ webhookId, sequence }: DeliveryPlace): string {
  return `${webhookId} ${sequence}`;
}
