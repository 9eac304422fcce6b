// The contract of the event log: append durably, read after a sequence, follow without gaps and duplicates. Streams,
// webhooks, metrics and transcripts read the same log.

import type { Delta } from '../contract/event.ts';
import type { DeltaType, EventData } from '../contract/event-catalogue.ts';
import type { EventType } from '../contract/event-types.ts';
import type { NewDeliveries } from '../store/delivery-store.ts';
import type { EventRow, Write } from '../store/store.ts';
import type { StoredEvent } from './stored-event.ts';

/** An event to append. */
export type NewEvent = {
  readonly [T in EventType]: {
    readonly type: T;
    readonly data: EventData<T>;
    readonly sessionId?: string;
    readonly runId?: string;
    /** How many webhook requests led to it. @default 0 */
    readonly hop?: number;
  };
}[EventType];

/** A delta to publish. */
export type NewDelta = {
  readonly [T in DeltaType]: Omit<Delta<T>, 'timestamp'>;
}[DeltaType];

/**
 * An item of a subscription. `gap`: events after the requested sequence are missing, because they were pruned or the
 * sequence is from another log. Reading continues at `firstSequence`.
 */
export type StreamItem =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  | { readonly kind: 'delta'; readonly delta: Delta }
  | { readonly kind: 'gap'; readonly firstSequence: number };

export interface EventFilter {
  readonly sessionId?: string;
  readonly runId?: string;
  /** Exact names, `tool.*`, `*`. @default all */
  readonly types?: readonly string[];
}

export interface EventPageQuery extends EventFilter {
  /** Exclusive bounds of the sequence. */
  readonly after?: number;
  readonly before?: number;
  /** 1 to 200. A page with more than 4 Mi of text has fewer events, but at least one. @default 50 */
  readonly limit?: number;
  /** By sequence. @default 'asc' */
  readonly order?: 'asc' | 'desc';
}

export interface SubscribeOptions extends EventFilter {
  /** Start after this sequence. @default the end of the log, so new events only */
  readonly after?: number;
  /** Include deltas. @default false */
  readonly deltas?: boolean;
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal;
}

/** An event that is about to be committed. */
export type DraftEvent = Omit<EventRow, 'sequence'>;

/** Called before and after each commit, for what must be committed together with events. */
export interface Outbox {
  /** What to commit with the event; undefined for nothing. Must not throw. */
  plan(event: DraftEvent, hop: number): NewDeliveries | undefined;
  /** Called in the order of the sequence. Must not throw. */
  committed(event: EventRow, planned: NewDeliveries): void;
  /**
   * Events after `after` up to `upTo` were committed without a call of `committed`, usually by other nodes. Their
   * deliveries are in the store. Called before the next call of `committed`, so that both cover the log in order, each
   * event once. Never called if the store has one node. Must not throw.
   */
  foreign?(range: { readonly after: number; readonly upTo: number }): void;
}

export interface EventLog {
  /** Use this outbox for all appends from now on. There is at most one. Returns a function that detaches it. */
  attach(outbox: Outbox): () => void;
  /**
   * Append events and their writes in one transaction. Resolves after the commit.
   * @throws CodeBuddyError `validation_failed` (data does not match the schema of the type), `storage_full`, `storage_unavailable`
   */
  append(events: readonly NewEvent[], writes?: readonly Write[]): Promise<readonly StoredEvent[]>;
  /** Pass a delta to the current subscribers with `deltas: true`. */
  publish(delta: NewDelta): void;
  /** @throws CodeBuddyError `validation_failed` (an unknown type, a limit or sequence out of range) */
  read(query?: EventPageQuery): Promise<readonly StoredEvent[]>;
  get(id: string): Promise<StoredEvent | undefined>;
  /**
   * Read the log, then follow it. Each event comes once, however slow the reader is. Deltas come in their place between
   * events. A reader that is more than 256 items or 1 Mi of text behind loses the oldest deltas; adjacent text is
   * joined first. The iterable is for one reader. Stopping early or `signal` ends the subscription.
   * @throws CodeBuddyError `validation_failed` (an unknown type) at once; errors of the store while iterating
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<StreamItem>;
  /**
   * The same in batches, for readers that pass on much: a page of the store, or all items of a turn of the event loop.
   * Adjacent deltas of one turn are joined.
   */
  subscribeInBatches(options?: SubscribeOptions): AsyncIterable<readonly StreamItem[]>;
  bounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** Counters for metrics. */
  stats(): {
    readonly appended: number;
    readonly subscribers: number;
    /** The last event that readers got; undefined until the end of the log is known. */
    readonly seen: number | undefined;
  };
  /** End all subscriptions. Does not close the store. */
  close(): Promise<void>;
}
