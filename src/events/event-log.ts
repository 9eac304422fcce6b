// The event log's contract: append durably, read after a number, follow without gap or double.
// Everything that happens goes through here once; streams, webhooks, metrics and transcripts read the same log.

import type { Delta, LoggedEvent } from '../contract/event.ts';
import type { DeltaType, EventData, EventType } from '../contract/event-catalogue.ts';
import type { NewDeliveries } from '../store/delivery-store.ts';
import type { EventRow, Write } from '../store/store.ts';

/** An event before it is logged. */
export type NewEvent = {
  readonly [T in EventType]: {
    readonly type: T;
    readonly data: EventData<T>;
    readonly sessionId?: string;
    readonly runId?: string;
    /** How many requests of our own webhooks led to it; default 0. */
    readonly hop?: number;
  };
}[EventType];

/** A delta before it is stamped. */
export type NewDelta = {
  readonly [T in DeltaType]: Omit<Delta<T>, 'timestamp'>;
}[DeltaType];

/**
 * What a subscriber receives. `gap`: events after the asked number are not there (pruned, or the number is beyond the log's end because
 * it comes from another log); reading goes on from `firstSequence`.
 */
export type StreamItem =
  | { readonly kind: 'event'; readonly event: LoggedEvent }
  | { readonly kind: 'delta'; readonly delta: Delta }
  | { readonly kind: 'gap'; readonly firstSequence: number };

export interface EventFilter {
  readonly sessionId?: string;
  readonly runId?: string;
  /** Exact names, `tool.*`, `*`. Default: all. */
  readonly types?: readonly string[];
}

export interface EventPageQuery extends EventFilter {
  /** Exclusive sequence bounds. */
  readonly after?: number;
  readonly before?: number;
  /** 1 to 200, default 50. A page with more than 4 Mi of text has fewer events, but at least one. */
  readonly limit?: number;
  /** By sequence; default `asc`. */
  readonly order?: 'asc' | 'desc';
}

export interface SubscribeOptions extends EventFilter {
  /** Start after this sequence; default: the end of the log (only what is new). */
  readonly after?: number;
  /** Also pass deltas on; default false. */
  readonly deltas?: boolean;
  /** Ends the iteration cleanly. */
  readonly signal?: AbortSignal;
}

/** An event that is about to be committed. */
export type DraftEvent = Omit<EventRow, 'sequence'>;

/** Who must hear of events beyond this process: asked before each commit, told after it. */
export interface Outbox {
  /** What is committed together with the event; undefined if nobody wants it. Must not throw. */
  plan(event: DraftEvent, hop: number): NewDeliveries | undefined;
  /** Called in the order of the sequence. Must not throw. */
  committed(event: EventRow, planned: NewDeliveries): void;
}

export interface EventLog {
  /** From now on every append asks this outbox; there is one at most. Returns how to detach it. */
  attach(outbox: Outbox): () => void;
  /**
   * Appends events, and the writes that belong to them, in one transaction; resolves after the commit.
   * @throws CodeBuddyError `validation_failed` (data does not fit the type's schema), `storage_full`, `storage_unavailable`
   */
  append(events: readonly NewEvent[], writes?: readonly Write[]): Promise<readonly LoggedEvent[]>;
  /** Passes a delta to those who are subscribed now with `deltas: true`. */
  publish(delta: NewDelta): void;
  /** @throws CodeBuddyError `validation_failed` (an unknown type, a limit or sequence out of range) */
  read(query?: EventPageQuery): Promise<readonly LoggedEvent[]>;
  get(id: string): Promise<LoggedEvent | undefined>;
  /**
   * Reads from the log, then follows it: no event is lost and none comes twice, however fast or slow the reader is. Deltas come in
   * their place between the events; a reader who is more than 256 items or 1 Mi of text behind loses the oldest of them (text that
   * follows each other is joined before). The iterable is for one reader; stopping early, or `signal`, ends the subscription.
   * @throws CodeBuddyError `validation_failed` (an unknown type) at once; what the store throws, while iterating
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<StreamItem>;
  bounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** Counters for metrics. */
  stats(): { readonly appended: number; readonly subscribers: number };
  /** Ends every subscription. Does not close the store. */
  close(): Promise<void>;
}
