// The one contract of a store: atomic writes as data, and the reads that the other rooms need.
// `sqlite/` is the embedded default; `postgres/` will serve many nodes. A write is a list of plain
// records, so that any store can group lists of many callers into one commit.

import type { MessageRole } from '../contract/message.ts';
import type { DeliveryStore, DeliveryWrite, NewDeliveries } from './delivery-store.ts';

/** One event of the log. Times are Unix milliseconds; `data` is JSON text, kept byte for byte. */
export interface EventRow {
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly timestamp: number;
  readonly sessionId: string | null;
  readonly runId: string | null;
  readonly data: string;
}

export interface SessionRow {
  readonly id: string;
  readonly title: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** JSON object: what the agent keeps with a session (model, totals, metadata). */
  readonly details: string;
}

export interface MessageRow {
  readonly id: string;
  readonly sessionId: string;
  readonly runId: string | null;
  readonly role: MessageRole;
  readonly createdAt: number;
  /** JSON text of the message's content. */
  readonly content: string;
}

/** One entry of what was sent to models in a session, in the order of the ids. Internal to the agent. */
export interface TurnRow {
  readonly id: string;
  readonly sessionId: string;
  readonly runId: string | null;
  /** JSON text of the entry. */
  readonly content: string;
}

export interface RunRow {
  readonly id: string;
  readonly sessionId: string;
  readonly status: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** JSON object: prompt, options, result, error. */
  readonly details: string;
}

/** An API key; only the SHA-256 of the key is kept (hex). */
export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly scopes: string;
  readonly createdAt: number;
}

/** The first answer to a request that carried an Idempotency-Key. */
export interface AnswerRow {
  readonly key: string;
  /** SHA-256 of method, path and body (hex). */
  readonly fingerprint: string;
  readonly status: number;
  /** JSON object of the headers that are repeated. */
  readonly headers: string;
  readonly body: string;
  readonly createdAt: number;
}

/** One step of an atomic write. */
export type Write =
  | {
      readonly kind: 'appendEvent';
      readonly event: Omit<EventRow, 'sequence'>;
      /** Who must hear of it, committed with it. */
      readonly outbox?: NewDeliveries;
    }
  | { readonly kind: 'putSession'; readonly session: SessionRow }
  | {
      readonly kind: 'patchSession';
      readonly id: string;
      readonly updatedAt: number;
      readonly title?: string;
      /** A JSON merge patch (RFC 7396) of the details: two patches at once are both kept. */
      readonly details: string;
    }
  | { readonly kind: 'deleteSession'; readonly id: string }
  /** A session that no read finds before it is published, however many writes fill it; a draft left behind goes at the next opening. */
  | { readonly kind: 'draftSession'; readonly session: SessionRow }
  | { readonly kind: 'publishSession'; readonly id: string }
  | { readonly kind: 'addMessage'; readonly message: MessageRow }
  | { readonly kind: 'addTurn'; readonly turn: TurnRow }
  | { readonly kind: 'putRun'; readonly run: RunRow }
  | {
      readonly kind: 'patchRun';
      readonly id: string;
      readonly status: string;
      readonly updatedAt: number;
      /** A JSON merge patch (RFC 7396) of the details: null removes a member. */
      readonly details: string;
    }
  | { readonly kind: 'putKey'; readonly key: KeyRow }
  | { readonly kind: 'deleteKey'; readonly id: string }
  | { readonly kind: 'putAnswer'; readonly answer: AnswerRow }
  | DeliveryWrite;

export interface EventQuery {
  /** Only events with a greater sequence (exclusive). */
  readonly after?: number;
  /** Only events with a smaller sequence (exclusive). */
  readonly before?: number;
  readonly sessionId?: string;
  readonly runId?: string;
  /** Exact type names. */
  readonly types?: readonly string[];
  readonly limit: number;
  /** The event with which the text of the data reaches this is the last. */
  readonly maxText?: number;
  /** By sequence; default `asc`. */
  readonly order?: 'asc' | 'desc';
}

export interface Store extends DeliveryStore {
  /**
   * Writes all of `writes` or none, durably: resolves after the commit has reached the disk. Concurrent calls share a
   * commit. Resolves to the sequence numbers of the `appendEvent` steps, in their order.
   * A caller that nobody waits for may let its writes join the commit of others, for up to `maxDelayMs` (default 0).
   * @throws CodeBuddyError `storage_full`, `storage_unavailable`
   */
  write(writes: readonly Write[], options?: { readonly maxDelayMs?: number }): Promise<readonly number[]>;

  readEvents(query: EventQuery): Promise<readonly EventRow[]>;
  getEvent(id: string): Promise<EventRow | undefined>;
  /** First sequence kept and last sequence given out; `{first: 1, last: 0}` when the log has never held an event. */
  eventBounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** Events of these types (default: all) with a greater sequence. */
  countEvents(after: number, types?: readonly string[]): Promise<number>;
  /** Deletes at most `max` events older than `before` (Unix ms), oldest first; resolves to how many. */
  pruneEvents(before: number, max: number): Promise<number>;

  getSession(id: string): Promise<SessionRow | undefined>;
  /** Newest first by id; `beforeId` is exclusive. With `maxText` the row with which the text reaches it is the last. */
  listSessions(page: { limit: number; beforeId?: string; maxText?: number }): Promise<readonly SessionRow[]>;
  /** Oldest first by id; `afterId` is exclusive. With `maxText` the row with which the text reaches it is the last. */
  listMessages(
    sessionId: string,
    page: { limit: number; afterId?: string; maxText?: number },
  ): Promise<readonly MessageRow[]>;
  /** Oldest first by id; `afterId` is exclusive. With `maxText` the row with which the text reaches it is the last. */
  listTurns(
    sessionId: string,
    page: { limit: number; afterId?: string; maxText?: number },
  ): Promise<readonly TurnRow[]>;
  countMessages(sessionIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  getRun(id: string): Promise<RunRow | undefined>;
  /** Newest first by id; `beforeId` is exclusive. With `maxText` the row with which the text reaches it is the last. */
  listRuns(page: {
    limit: number;
    maxText?: number;
    beforeId?: string;
    sessionId?: string;
    statuses?: readonly string[];
  }): Promise<readonly RunRow[]>;

  /** The greatest id of each kind of row. */
  newestIds(): Promise<readonly string[]>;

  listKeys(): Promise<readonly KeyRow[]>;
  getAnswer(key: string): Promise<AnswerRow | undefined>;
  /** Deletes at most `max` answers older than `before` (Unix ms); resolves to how many. */
  pruneAnswers(before: number, max: number): Promise<number>;

  /** Proves that a commit can reach the disk now; throws as `write` does. */
  probe(): Promise<void>;
  /** Finishes what was accepted, then closes. Safe to call twice. */
  close(): Promise<void>;
}
