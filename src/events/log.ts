// The event log over a store: validates, appends, and passes committed events on to live readers in the order of their sequence.
// A reader first reads the store page by page, then follows live; when it falls behind it reads the store again.

import type { EventRow, Store } from '../store/store.ts';
import { expandTypes, matcher } from './event-filter.ts';
import type {
  Delta,
  EventLog,
  EventPageQuery,
  LoggedEvent,
  NewEvent,
  StreamItem,
  SubscribeOptions,
} from './event-log.ts';
import { makeId } from './ids.ts';
import { LiveQueue } from './live-queue.ts';
import { serializeData } from './validate-data.ts';

export interface EventLogOptions {
  readonly store: Store;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

interface Subscriber {
  readonly queue: LiveQueue;
  readonly wants: (subject: { type: string; sessionId?: string; runId?: string }) => boolean;
  readonly deltas: boolean;
  ended: boolean;
}

/** Events a reader takes from the store at a time while it catches up. */
const catchUpPage = 200;

export function createEventLog({ store, now = Date.now }: EventLogOptions): EventLog {
  const subscribers = new Set<Subscriber>();
  let appended = 0;
  let closed = false;
  // The end of the log: as the store says at first, then as events are committed.
  let tail: number | undefined;
  const firstTail = store.eventBounds().then(({ last }) => {
    tail = Math.max(tail ?? 0, last);
    return last;
  });
  // Whoever needs it awaits it and hears of the failure there.
  firstTail.catch(() => undefined);

  async function append(
    events: readonly NewEvent[],
    writes: Parameters<EventLog['append']>[1] = [],
  ): Promise<readonly LoggedEvent[]> {
    const timestamp = now();
    const rows = events.map((event) => ({
      id: makeId('evt', timestamp),
      type: event.type,
      timestamp,
      sessionId: event.sessionId ?? null,
      runId: event.runId ?? null,
      data: serializeData(event.type, event.data),
    }));
    // The rows that events speak of come first: a message's session exists before its event does.
    const sequences = await store.write([
      ...writes,
      ...rows.map((event) => ({ kind: 'appendEvent' as const, event })),
    ]);
    const logged = rows.map((row, index) => toLoggedEvent({ ...row, sequence: sequences[index] as number }));
    appended += logged.length;
    for (const event of logged) {
      tail = Math.max(tail ?? 0, event.sequence);
      for (const { queue, wants } of subscribers) if (wants(event)) queue.push({ kind: 'event', event });
    }
    return logged;
  }

  async function read(query: EventPageQuery = {}): Promise<readonly LoggedEvent[]> {
    const { types, limit = 50, ...rest } = query;
    const expanded = expandTypes(types);
    const rows = await store.readEvents({
      ...rest,
      limit,
      ...(expanded === undefined ? {} : { types: expanded }),
    });
    return rows.map(toLoggedEvent);
  }

  /** All that is in the store after `position`, then all that comes. */
  async function* follow(
    subscriber: Subscriber,
    options: SubscribeOptions,
    from: number | undefined,
  ): AsyncGenerator<StreamItem> {
    let position = from ?? (await firstTail);
    let behind = true;
    while (!subscriber.ended) {
      while (behind && !subscriber.ended) {
        const { first } = await store.eventBounds();
        if (position + 1 < first) {
          position = first - 1;
          yield { kind: 'gap', firstSequence: first };
        }
        const page = await read({ ...options, after: position, limit: catchUpPage });
        for (const event of page) {
          position = event.sequence;
          yield { kind: 'event', event };
        }
        behind = page.length === catchUpPage;
      }
      await subscriber.queue.wait();
      const { items, overrun } = subscriber.queue.take();
      behind = overrun;
      for (const item of items) {
        if (item.kind === 'event') {
          // Seen in the store already; or, after an overrun, to be read from there in its place.
          if (overrun || item.event.sequence <= position) continue;
          position = item.event.sequence;
        }
        yield item;
      }
    }
  }

  function subscribe(options: SubscribeOptions = {}): AsyncIterable<StreamItem> {
    const subscriber: Subscriber = {
      queue: new LiveQueue(),
      wants: matcher(options, expandTypes(options.types)),
      deltas: options.deltas ?? false,
      ended: false,
    };
    const end = (): void => {
      subscriber.ended = true;
      subscribers.delete(subscriber);
      options.signal?.removeEventListener('abort', end);
      subscriber.queue.wake();
    };
    // From this call on nothing is missed, also if the caller begins to iterate later.
    subscribers.add(subscriber);
    options.signal?.addEventListener('abort', end, { once: true });
    if (closed || options.signal?.aborted) end();
    const items = follow(subscriber, options, options.after ?? tail);
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          const result = await items.next();
          if (result.done) end();
          return result;
        },
        async return() {
          end();
          return items.return(undefined);
        },
      }),
    };
  }

  return {
    append,
    read,
    subscribe,
    publish(unstamped) {
      const delta: Delta = { ...unstamped, timestamp: new Date(now()).toISOString() };
      for (const subscriber of subscribers) {
        if (subscriber.deltas && subscriber.wants(delta)) subscriber.queue.push({ kind: 'delta', delta });
      }
    },
    async get(id) {
      const row = await store.getEvent(id);
      return row === undefined ? undefined : toLoggedEvent(row);
    },
    bounds: () => store.eventBounds(),
    stats: () => ({ appended, subscribers: subscribers.size }),
    async close() {
      closed = true;
      for (const subscriber of subscribers) {
        subscriber.ended = true;
        subscriber.queue.wake();
      }
      subscribers.clear();
    },
  };
}

/** A row was validated when it was written; a type of a later release is passed on as it is. */
function toLoggedEvent(row: EventRow): LoggedEvent {
  const event: unknown = {
    id: row.id,
    type: row.type,
    event: row.type,
    timestamp: new Date(row.timestamp).toISOString(),
    ...(row.sessionId === null ? {} : { sessionId: row.sessionId }),
    ...(row.runId === null ? {} : { runId: row.runId }),
    sequence: row.sequence,
    data: JSON.parse(row.data),
  };
  return event as LoggedEvent;
}
