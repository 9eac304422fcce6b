// Deliveries that other nodes have committed, for the webhooks of this node: they are read from the store as the log
// announces their events, and queued in the order of the events.

import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryPlace, DeliveryRow } from '../../store/delivery-store.ts';
import type { ArrivedDeliveries, SharedWebhookStore } from '../../store/shared-webhook-store.ts';
import type { Lane } from '../lane.ts';
import type { PayloadCache } from '../payload-cache.ts';

export interface ArrivalsOptions {
  readonly store: Pick<SharedWebhookStore, 'newDeliveries'>;
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly payloads: PayloadCache;
  /** The webhooks whose deliveries this node sends, or is about to send. */
  readonly ownIds: () => readonly string[];
  /** Whether the next delivery goes to memory. If not, the queue keeps its place. */
  readonly hasRoom: (lane: Lane) => boolean;
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

const maxEventsAtOnce = 200;
const maxDeliveriesAtOnce = 4000;
/** Deliveries that arrive within this time are read together: a busy node is woken a hundred times a second. In ms. */
const togetherMs = 15;
/** While all lanes of the last read have this many ready, the next read waits, up to `longestTogetherMs`. */
const enoughReady = 32;
const longestTogetherMs = 60;

export function createArrivals({
  store,
  lanes,
  payloads,
  ownIds,
  hasRoom,
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
      const fed = await read(taken, own);
      let waitedMs = 0;
      do {
        await sleep(togetherMs, undefined, { ref: false });
        waitedMs += togetherMs;
      } while (waitedMs < longestTogetherMs && fed.size > 0 && [...fed].every(hasEnough) && !signal.aborted);
    }
    reading = undefined;
  }

  function hasEnough(lane: Lane): boolean {
    return lane.queue.readyCount >= enoughReady && waiting.length === 0;
  }

  /** Resolves to the lanes that got deliveries. */
  async function read(
    taken: readonly { readonly after: number; readonly upTo: number }[],
    own: readonly DeliveryRow[],
  ): Promise<ReadonlySet<Lane>> {
    const upTo = taken.at(-1)?.upTo ?? 0;
    const webhookIds = ownIds();
    const limit = Math.min(maxEventsAtOnce, Math.ceil(maxDeliveriesAtOnce / webhookIds.length));
    let after = taken[0]?.after ?? 0;
    let nextRange = 0;
    let nextOwn = 0;
    const isForeign = (sequence: number): boolean => {
      while (sequence > (taken[nextRange]?.upTo ?? Number.POSITIVE_INFINITY)) nextRange++;
      return sequence > (taken[nextRange]?.after ?? Number.POSITIVE_INFINITY);
    };
    const fed = new Set<Lane>();
    const touched = new Set<Lane>();
    const laneFor = (place: DeliveryPlace): Lane | undefined => {
      const lane = lanes.get(place.webhookId);
      if (lane === undefined || isTakingUp(place.webhookId, place.sequence)) return undefined;
      if (lane.isShadow || place.sequence <= lane.knownUpTo || replayed.has(keyOf(place))) return undefined;
      touched.add(lane);
      fed.add(lane);
      return lane;
    };
    const putOwnBefore = (sequence: number): void => {
      for (let row = own[nextOwn]; row !== undefined && row.sequence < sequence; row = own[++nextOwn]) {
        const lane = laneFor(row);
        if (lane === undefined) continue;
        if (hasRoom(lane)) lane.queue.added(row);
        else lane.queue.addedToStore(row.sequence);
      }
    };
    const putForeign = (arrived: ArrivedDeliveries): void => {
      const { sequence, payload } = arrived;
      for (const delivery of arrived.deliveries) {
        const lane = laneFor({ sequence, webhookId: delivery.webhookId });
        if (lane === undefined) continue;
        if (!arrived.areNew || !hasRoom(lane)) lane.queue.addedToStore(sequence);
        else {
          lane.queue.added(toNewDelivery(arrived, delivery));
          if (payload !== undefined) payloads.put(sequence, payload);
        }
      }
    };
    for (let isLast = webhookIds.length === 0 || taken.length === 0; !isLast; ) {
      const query = { after, upTo, webhookIds, limit, withPayloads: hasRoomSomewhere(webhookIds) };
      const page = await untilDone(() => store.newDeliveries(query));
      for (const arrived of page) {
        if (!isForeign(arrived.sequence)) continue;
        putOwnBefore(arrived.sequence);
        putForeign(arrived);
      }
      after = page.at(-1)?.sequence ?? after;
      isLast = page.length < limit;
      for (const lane of touched) wake(lane);
      touched.clear();
    }
    putOwnBefore(Number.POSITIVE_INFINITY);
    for (const lane of touched) wake(lane);
    done = Math.max(done, upTo);
    for (const [key, sequence] of replayed) if (sequence <= done) replayed.delete(key);
    return fed;
  }

  /** Otherwise no payloads are read: the queues keep only the places of the deliveries. */
  function hasRoomSomewhere(webhookIds: readonly string[]): boolean {
    return webhookIds.some((id) => {
      const lane = lanes.get(id);
      return lane !== undefined && hasRoom(lane);
    });
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

function toNewDelivery(
  { sequence, eventId, eventType, hop, trace, createdAt, expiresAt }: ArrivedDeliveries,
  { id, webhookId }: ArrivedDeliveries['deliveries'][number],
): DeliveryRow {
  return {
    ...{ id, webhookId, sequence, eventId, eventType, hop, trace, createdAt, expiresAt },
    status: 'pending',
    attempts: 0,
    tries: 0,
    pauses: 0,
    nextAttemptAt: null,
    endedAt: null,
    reason: null,
    answered: 'nothing',
  };
}
