// The event log over a store: validates and appends events, and passes committed ones to live readers in the order of
// the sequence. follow.ts reads stored events, then live ones.

import { callHost } from '../base/call-host.ts';
import { CodeBuddyError } from '../base/errors.ts';
import { type Id, makeId as makeSortableId } from '../base/ids.ts';
import type { DeltaRelay } from '../store/ownership.ts';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import type { EventQuery, Store, Write } from '../store/store.ts';
import { expandTypes, matcher } from './event-filter.ts';
import type {
  EventLog,
  EventPageQuery,
  NewEvent,
  Outbox,
  StreamItem,
  SubscribeOptions,
} from './event-log.ts';
import { follow } from './follow.ts';
import { createLiveEnd, type LiveReaders } from './live-end.ts';
import { type EventItem, LiveQueue } from './live-queue.ts';
import { createSharedLiveEnd } from './shared-live-end.ts';
import { type StoredEvent, toStoredEvent } from './stored-event.ts';
import { timeText } from './time-text.ts';
import { type DataRules, serializeData } from './validate-data.ts';

export interface EventLogOptions {
  readonly store: Store;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Must sort in the order of the calls. @default makeId of ids.ts */
  readonly makeId?: (prefix: 'evt', now: number) => Id<'evt'>;
  /** Which events are valid. @default those of the catalogue */
  readonly rules?: DataRules;
  /** Passes deltas to and from other nodes. @default none */
  readonly deltas?: DeltaRelay;
}

interface Subscriber {
  readonly queue: LiveQueue;
  readonly wants: (subject: { type: string; sessionId?: string; runId?: string }) => boolean;
  readonly deltas: boolean;
  readonly end: () => void;
}

type Batches = AsyncGenerator<readonly StreamItem[], undefined>;

const maxPage = 200;

/**
 * Create the log over `store`. No other log of this process may append to it. Closing the log leaves the store open.
 */
export function createEventLog({
  store,
  now = Date.now,
  makeId = makeSortableId,
  rules = {},
  deltas: relay,
}: EventLogOptions): EventLog {
  const subscribers = new Set<Subscriber>();
  let outbox: Outbox | undefined;
  let appended = 0;
  let closed = false;
  const readers: LiveReaders = {
    count: () => subscribers.size,
    outbox: () => outbox,
    passOn({ data }, event) {
      const item: EventItem = { kind: 'event', event };
      // The event is committed, so an error in one reader must not hide it from others or the caller.
      for (const { queue, wants } of subscribers) {
        callHost(() => {
          if (wants(event)) queue.pushEvent(item, data.length);
        });
      }
    },
    passOnDelta(delta) {
      for (const { queue, wants, deltas } of subscribers) if (deltas && wants(delta)) queue.pushDelta(delta);
    },
  };
  const { feed } = store;
  const live =
    feed === undefined ? createLiveEnd(store, readers) : createSharedLiveEnd({ store, feed, relay, readers });
  const { beforeAppend } = live;

  async function append(
    events: readonly NewEvent[],
    writes: readonly Write[] = [],
  ): Promise<readonly StoredEvent[]> {
    const timestamp = now();
    const rows = events.map((event) => ({
      id: makeId('evt', timestamp),
      type: event.type,
      timestamp,
      sessionId: event.sessionId ?? null,
      runId: event.runId ?? null,
      data: serializeData(event.type, event.data, rules),
    }));
    const asked = outbox;
    const plans = rows.map((row, index) => asked?.plan(row, events[index]?.hop ?? 0));
    // Rows come before the events about them, so that a session exists before its event.
    const sequences = await store.write([
      ...writes,
      ...rows.map((event, index) => {
        const planned = plans[index];
        return { kind: 'appendEvent' as const, event, ...(planned === undefined ? {} : { outbox: planned }) };
      }),
    ]);
    // The store settles callers in the order of the sequence, so live readers get events in this order.
    return rows.map((row, index) => {
      const committed = { ...row, sequence: sequences[index] as number };
      const event = toStoredEvent(committed);
      appended++;
      live.committed(committed, event, plans[index]);
      return event;
    });
  }

  async function read(query: EventPageQuery = {}): Promise<readonly StoredEvent[]> {
    return (await store.readEvents(toStoreQuery(query, rules.ownTypes))).map(toStoredEvent);
  }

  function follower(
    options: SubscribeOptions,
    oneByOne: boolean,
  ): { readonly queue: LiveQueue; readonly batches: Batches; readonly end: () => void } {
    const { after = live.tail(), signal, deltas = false, ...filter } = options;
    // Invalid options throw here, not at the first item.
    const query = toStoreQuery(
      { ...filter, ...(after === undefined ? {} : { after }), limit: maxPage },
      rules.ownTypes,
    );
    // The subscription begins with this call, even if the caller iterates later.
    const queue = new LiveQueue(live.tail() ?? Number.MAX_SAFE_INTEGER);
    const end = (): void => {
      subscribers.delete(subscriber);
      stopListening?.();
      signal?.removeEventListener('abort', end);
      queue.end();
    };
    const subscriber: Subscriber = { queue, wants: matcher(filter, query.types), deltas, end };
    subscribers.add(subscriber);
    const stopListening = deltas ? live.listen(filter) : undefined;
    signal?.addEventListener('abort', end, { once: true });
    if (closed || signal?.aborted) end();
    const batches = follow({
      queue,
      oneByOne,
      position: async () => after ?? (await live.started()),
      bounds: () => store.eventBounds(),
      async readPage(position) {
        const rows = await store.readEvents({ ...query, after: position });
        return { events: rows.map(toStoredEvent), isFull: rows.length === maxPage || isCutByText(rows) };
      },
    });
    return { queue, batches, end };
  }

  return {
    attach(attached) {
      if (outbox !== undefined) throw new TypeError('The log already has an outbox');
      outbox = attached;
      return () => {
        if (outbox === attached) outbox = undefined;
      };
    },
    append:
      beforeAppend === undefined
        ? append
        : async (events, writes) => {
            await beforeAppend(events);
            return append(events, writes);
          },
    read,
    subscribe(options = {}) {
      const { queue, batches, end } = follower(options, true);
      return endingWith(end, oneByOne(batches, queue));
    },
    subscribeInBatches(options = {}) {
      const { batches, end } = follower(options, false);
      return endingWith(end, batches);
    },
    publish(unstamped) {
      live.publish({ ...unstamped, timestamp: timeText(now()) });
    },
    async get(id) {
      const row = await store.getEvent(id);
      return row === undefined ? undefined : toStoredEvent(row);
    },
    bounds: () => store.eventBounds(),
    stats: () => ({ appended, subscribers: subscribers.size, seen: live.tail() }),
    async close() {
      closed = true;
      live.close();
      for (const { end } of subscribers) end();
    },
  };
}

async function* oneByOne(batches: Batches, queue: LiveQueue): AsyncGenerator<StreamItem, undefined> {
  for await (const batch of batches) {
    for (const item of batch) {
      if (queue.ended) return undefined;
      yield item;
    }
  }
  return undefined;
}

/** An iterable of `items` that calls `end` at the end, an early stop, or an error. */
function endingWith<Item>(end: () => void, items: AsyncGenerator<Item, undefined>): AsyncIterable<Item> {
  // Not a generator around a generator, because `return()` must end a waiting `next()`.
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        try {
          const result = await items.next();
          if (result.done) end();
          return result;
        } catch (error) {
          end();
          throw error;
        }
      },
      return() {
        end();
        return items.return(undefined);
      },
    }),
  };
}

/** @throws CodeBuddyError `validation_failed` */
function toStoreQuery(
  { types, limit = 50, ...rest }: EventPageQuery,
  ownTypes: ReadonlySet<string> | undefined,
): EventQuery {
  const problem = (name: string, message: string): CodeBuddyError =>
    new CodeBuddyError('validation_failed', `${name} ${message}`, {
      errors: [{ in: 'query', pointer: `/${name}`, message }],
    });
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPage)
    throw problem('limit', `must be a whole number from 1 to ${maxPage}; it is ${limit}`);
  for (const name of ['after', 'before'] as const) {
    const value = rest[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw problem(name, `must be a sequence number (a whole number from 0); it is ${value}`);
  }
  const expanded = expandTypes(types, ownTypes);
  return { ...rest, limit, maxText: maxPageText, ...(expanded === undefined ? {} : { types: expanded }) };
}
