// The contract of a store: atomic writes as data, and the reads that other modules need. `sqlite/` is the embedded
// default. A write is a list of plain records, so that a store can group the lists of many callers into one commit.

import type { MessageRole } from '../contract/message.ts';
import type { SessionOrigin } from '../contract/session.ts';
import type { DeliveryStore, DeliveryWrite, NewDeliveries } from './delivery-store.ts';
import type { FileHistoryStore, FileHistoryWrite } from './file-history.ts';
import type { FileStore, FileWrite } from './file-store.ts';
import type { SearchItem } from './search/search-query.ts';
import type { SharedWebhookStore } from './shared-webhook-store.ts';
import type { TriggerStore, TriggerWrite } from './trigger-store.ts';

/** An event of the log. Times are Unix milliseconds. `data` is JSON text, kept byte for byte. */
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
  /** JSON object of what the agent keeps with a session: model, totals, metadata. */
  readonly details: string;
  /** Where lists have a session whose id was chosen by its caller: an id that sorts by time. Absent: its own id. */
  readonly place?: string;
  /** Set by `archiveSession`. Absent: false. */
  readonly isArchived?: true;
}

export interface MessageRow {
  readonly id: string;
  readonly sessionId: string;
  readonly runId: string | null;
  readonly role: MessageRole;
  readonly createdAt: number;
  /** The content as JSON text. */
  readonly content: string;
}

/** An entry of the history that was sent to models in a session, in the order of ids. Internal to the agent. */
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

/** Something that a run waits for: a permission, an answer to a question, or the result of a tool of the caller. */
export interface QuestionRow {
  readonly id: string;
  readonly runId: string;
  readonly sessionId: string;
  /** The item, its place in the run, and its answer if there is one, as JSON text. */
  readonly content: string;
  /** True if it has its answer, and the run has not used it yet. Lists leave it out. */
  readonly isAnswered: boolean;
}

/** An API key. Only its SHA-256 is kept (hex). */
export interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly scopes: string;
  readonly createdAt: number;
  /** JSON. Absent without limits. */
  readonly limits?: string;
}

/** An MCP server that was added over the API. */
export interface McpServerRow {
  readonly name: string;
  /** Its configuration as JSON text. It may have secrets. */
  readonly config: string;
  readonly createdAt: number;
}

/** The first answer to a request with an Idempotency-Key. */
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
      /** Committed with the event. */
      readonly outbox?: NewDeliveries;
    }
  | { readonly kind: 'putSession'; readonly session: SessionRow }
  /** Fails with `session_exists` if there is one with this id. */
  | { readonly kind: 'addSession'; readonly session: SessionRow }
  | { readonly kind: 'archiveSession'; readonly id: string; readonly isArchived: boolean }
  | {
      readonly kind: 'patchSession';
      readonly id: string;
      readonly updatedAt: number;
      readonly title?: string;
      /** A JSON merge patch (RFC 7396) of the details. Concurrent patches are all kept. */
      readonly details: string;
      /** Refuse it with `validation_failed` if the metadata, with the patches of other nodes, would be too long. */
      readonly limitsMetadata?: boolean;
    }
  | {
      readonly kind: 'deleteSession';
      readonly id: string;
      /** Fail with `session_busy` if it has an unfinished run. @default false */
      readonly ifIdle?: boolean;
    }
  /** A session that reads find only after it is published. The next opening deletes drafts that were left. */
  | { readonly kind: 'draftSession'; readonly session: SessionRow }
  | { readonly kind: 'publishSession'; readonly id: string }
  /**
   * The session that `getNamedSession` finds from now on. A session may have many names; they are removed with it.
   */
  | { readonly kind: 'nameSession'; readonly name: string; readonly sessionId: string }
  /** As `nameSession`, but fails with `session_exists` if another session has the name. */
  | { readonly kind: 'claimSessionName'; readonly name: string; readonly sessionId: string }
  | { readonly kind: 'addMessage'; readonly message: MessageRow }
  | { readonly kind: 'addTurn'; readonly turn: TurnRow }
  | { readonly kind: 'putRun'; readonly run: RunRow }
  | {
      readonly kind: 'patchRun';
      readonly id: string;
      readonly status: string;
      readonly updatedAt: number;
      /** A JSON merge patch (RFC 7396) of the details. */
      readonly details: string;
    }
  | { readonly kind: 'putKey'; readonly key: KeyRow }
  /** Nothing if there is no such key. */
  | { readonly kind: 'setKeyLimits'; readonly id: string; readonly limits: string | null }
  | { readonly kind: 'deleteKey'; readonly id: string }
  | { readonly kind: 'putMcpServer'; readonly server: McpServerRow }
  | { readonly kind: 'deleteMcpServer'; readonly name: string }
  | { readonly kind: 'putAnswer'; readonly answer: AnswerRow }
  /** The rows of a topic (`keys`, `webhooks`) changed: call `StoreFeed.onChange` on the other nodes. */
  | { readonly kind: 'touch'; readonly topic: string }
  /** The question of a run to a person or to its caller. Removed with its run. */
  | { readonly kind: 'putQuestion'; readonly question: QuestionRow }
  /** Remove one question of a run, or all. */
  | { readonly kind: 'deleteQuestions'; readonly runId: string; readonly id?: string }
  /** Steps of `RunOwners`. */
  | { readonly kind: 'claimRun'; readonly runId: string }
  | { readonly kind: 'releaseRun'; readonly runId: string }
  | FileWrite
  | TriggerWrite
  | FileHistoryWrite
  | DeliveryWrite;

export interface EventQuery {
  /** Only events with a greater sequence. */
  readonly after?: number;
  /** Only events with a smaller sequence. */
  readonly before?: number;
  readonly sessionId?: string;
  readonly runId?: string;
  /** Exact type names. */
  readonly types?: readonly string[];
  readonly limit: number;
  /** End the page with the event whose data reaches this total, in UTF-16 units. */
  readonly maxText?: number;
  /** By sequence. @default 'asc' */
  readonly order?: 'asc' | 'desc';
}

/** News of a store that other nodes append to, too. */
export interface StoreFeed {
  /**
   * Call `listener` with the last committed sequence of all nodes, soon after it grew: usually within 20 ms, and
   * within 250 ms of a lost notification. Values may repeat, and may be older than a commit of this node. They are held
   * back while the database is away. Returns a function that stops it.
   */
  onAppended(listener: (last: number) => void): () => void;
  /**
   * Call `listener` soon after a commit with `touch` of this topic, of any node, and after a connection was made again.
   * It may be called when nothing changed. Read the rows then. Returns a function that stops it.
   */
  onChange(topic: string, listener: () => void): () => void;
}

/** The open questions of the runs of all nodes. */
export interface QuestionStore {
  /**
   * Those without an answer, oldest first by the part of the id after its prefix; `afterId` is exclusive. With `maxText`
   * the page ends with the row that reaches it. `prefix`: of the ids, such as `prm`.
   */
  listQuestions(page: {
    limit: number;
    afterId?: string;
    maxText?: number;
    sessionId?: string;
    runId?: string;
    prefix?: string;
  }): Promise<readonly QuestionRow[]>;
  /** All of a run, also those with an answer, oldest first. */
  questionsOf(runId: string): Promise<readonly QuestionRow[]>;
  getQuestion(id: string): Promise<QuestionRow | undefined>;
}

/** A folder that sessions work in. */
export interface WorkspaceUse {
  /** Null: that of the server. */
  readonly workspace: string | null;
  readonly sessions: number;
  /** The id of the newest session in it. */
  readonly latest: string;
}

/** A message that a search found, with what is shown of its session. */
export interface FoundMessage {
  readonly message: MessageRow;
  readonly sessionTitle: string;
  readonly isArchived: boolean;
}

export interface SearchQuery {
  /** Not empty. A message must have all of them. */
  readonly items: readonly SearchItem[];
  readonly limit: number;
  /** The `next` of the page before. */
  readonly before?: string;
  readonly sessionId?: string;
  readonly role?: MessageRole;
  /** Of the session. @default both */
  readonly archived?: boolean;
}

export interface MessageSearch {
  /**
   * Messages with all words, newest first. A page may have fewer than `limit` messages, and still a `next`: it looks at a
   * bounded number of them. It finds all messages that were committed before, unless `isIndexing`.
   */
  find(query: SearchQuery): Promise<{
    readonly found: readonly FoundMessage[];
    readonly next?: string;
    /** Whether messages of an earlier release are not in the index yet. */
    readonly isIndexing: boolean;
  }>;
}

export interface Store extends DeliveryStore {
  /** Present if other nodes may append to the store. */
  readonly feed?: StoreFeed | undefined;
  /** Present if the store can be shared. Otherwise webhooks.json has the configured webhooks. */
  readonly webhooks?: SharedWebhookStore | undefined;
  readonly triggers: TriggerStore;
  readonly fileHistory: FileHistoryStore;
  readonly files: FileStore;
  readonly questions: QuestionStore;

  /**
   * Write all of `writes` or none. Resolves once the commit is on the disk, to the sequence numbers of the
   * `appendEvent` steps in their order. Concurrent calls share a commit. With `maxDelayMs` (default 0) the writes may
   * wait that long to join the commit of others. On a store that nodes share, they may wait a little longer after a
   * commit.
   * @throws CodeBuddyError `storage_full`, `storage_unavailable`, `session_not_found`, `session_busy`, `session_exists`,
   * `run_not_resumable`
   */
  write(writes: readonly Write[], options?: { readonly maxDelayMs?: number }): Promise<readonly number[]>;

  readEvents(query: EventQuery): Promise<readonly EventRow[]>;
  getEvent(id: string): Promise<EventRow | undefined>;
  /** The first sequence kept and the last one assigned; `{first: 1, last: 0}` for a log that never had an event. */
  eventBounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** The number of events of these types (default: all) with a greater sequence. */
  countEvents(after: number, types?: readonly string[]): Promise<number>;
  /** Delete at most `max` events older than `before` (Unix ms), oldest first. Resolves to their number. */
  pruneEvents(before: number, max: number): Promise<number>;

  getSession(id: string): Promise<SessionRow | undefined>;
  /** The session that got this name last. */
  getNamedSession(name: string): Promise<SessionRow | undefined>;
  /**
   * Newest first by place (`SessionRow.place`); `beforeId`, a place, is exclusive. With `maxText` the page ends with the
   * row that reaches it. `title`: a part of the title, regardless of case; `forkedFrom`: the id of a session; `origin`:
   * `rest` also finds sessions without one; `agent`: a name, of which `builtin` is also that of rows without one;
   * `workspace`: a folder of their own.
   */
  listSessions(page: {
    limit: number;
    beforeId?: string;
    maxText?: number;
    title?: string;
    forkedFrom?: string;
    origin?: SessionOrigin;
    agent?: string;
    workspace?: string;
    /** @default all */
    archived?: boolean;
  }): Promise<readonly SessionRow[]>;
  /** The folders that sessions work in, the last used first. */
  sessionWorkspaces(limit: number): Promise<readonly WorkspaceUse[]>;
  readonly search: MessageSearch;
  /**
   * By id, oldest first unless `order` is `desc`. `afterId`, the last id of the page before, is exclusive. With
   * `maxText` the page ends with the row that reaches it.
   */
  listMessages(
    sessionId: string,
    page: { limit: number; afterId?: string; maxText?: number; order?: 'asc' | 'desc' },
  ): Promise<readonly MessageRow[]>;
  /** Oldest first by id; `afterId` is exclusive. With `maxText` the page ends with the row that reaches it. */
  listTurns(
    sessionId: string,
    page: { limit: number; afterId?: string; maxText?: number },
  ): Promise<readonly TurnRow[]>;
  countMessages(sessionIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  getRun(id: string): Promise<RunRow | undefined>;
  /** Newest first by id; `beforeId` is exclusive. With `maxText` the page ends with the row that reaches it. */
  listRuns(page: {
    limit: number;
    maxText?: number;
    beforeId?: string;
    sessionId?: string;
    statuses?: readonly string[];
  }): Promise<readonly RunRow[]>;

  /** Those of the sessions that have a run with one of these statuses. */
  sessionsWithRuns(sessionIds: readonly string[], statuses: readonly string[]): Promise<ReadonlySet<string>>;

  /** The greatest id of each kind of row. */
  newestIds(): Promise<readonly string[]>;

  listKeys(): Promise<readonly KeyRow[]>;
  /** By name. */
  listMcpServers(): Promise<readonly McpServerRow[]>;
  getAnswer(key: string): Promise<AnswerRow | undefined>;
  /** Delete at most `max` answers older than `before` (Unix ms). Resolves to their number. */
  pruneAnswers(before: number, max: number): Promise<number>;

  /** Check that a commit reaches the disk now. @throws CodeBuddyError as `write` */
  probe(): Promise<void>;
  /** Commit accepted writes, then close. Safe to call twice. */
  close(): Promise<void>;
}
