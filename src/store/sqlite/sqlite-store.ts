// The embedded store: one SQLite file (WAL, synchronous=FULL), owned by one process. An acknowledged write survives a
// crash of the process and a power failure. Writes run on a thread of their own (writer-thread.ts), so that no fsync
// stops the main thread. Reads run here, on a read-only connection: in WAL mode they see the last commit and wait for
// none.

import { DatabaseSync } from 'node:sqlite';
import { callHost } from '../../base/call-host.ts';
import { takeRows } from '../page-weight.ts';
import {
  type Row,
  toAnswerRow,
  toKeyRow,
  toMcpServerRow,
  toMessageRow,
  toRunRow,
  toSessionRow,
  toTurnRow,
  toWorkspaceUse,
} from '../rows.ts';
import type { Store } from '../store.ts';
import type { StoreLogger } from '../store-logger.ts';
import { storeIsClosed } from '../write-queue.ts';
import { deliveryStore } from './deliveries.ts';
import { countEvents, getEvent, readEvents } from './event-reader.ts';
import { fileHistoryStore } from './file-history.ts';
import { fileStore } from './files.ts';
import { createMessageIndex } from './message-index.ts';
import { toOpenError } from './open-database.ts';
import { questionStore } from './questions.ts';
import { listRuns, sessionsWithRuns } from './run-lister.ts';
import { addTextFunction, listSessions } from './session-lister.ts';
import { toStorageError } from './sqlite-errors.ts';
import type { WriterThread } from './start-writer-thread.ts';
import { afterAllIds, prepareReads, type Reads } from './statements.ts';
import { triggerStore } from './triggers.ts';
import { startWriter, type Writer } from './writer.ts';

export interface SqliteStoreOptions {
  /** The database file. Created, readable by its owner only, if it does not exist. Its folder must exist. */
  readonly path: string;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** How long to wait for another program that holds the database, in ms. @default 5000 */
  readonly busyTimeoutMs?: number;
  /** Told when commits begin to fail, and when they work again. @default none */
  readonly logger?: StoreLogger;
  /** A thread that was started in advance. @default a new one */
  readonly thread?: WriterThread | undefined;
}

/** A few milliseconds. */
const eventsPerLook = 10_000;

/** Open the database for this process alone. @throws StoreOpenError with one line for a person. */
export async function openSqliteStore({
  path,
  now = Date.now,
  busyTimeoutMs = 5000,
  logger: hostLogger,
  thread,
}: SqliteStoreOptions): Promise<Store> {
  const logger = hostLogger && guardLogger(hostLogger);
  const writer = await startWriter({ path, now: now(), busyTimeoutMs, logger, thread });
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: busyTimeoutMs });
    addTextFunction(database);
    // 2 MiB: enough for the inner pages of the indices. The system caches the others.
    database.exec('PRAGMA cache_size = -2048');
    return createStore(database, writer, now);
  } catch (error) {
    await writer.close(() => database?.close());
    throw toOpenError(path, error);
  }
}

function createStore(database: DatabaseSync, writer: Writer, now: () => number): Store {
  const reads: Reads = prepareReads(database);
  const { call, directory } = writer;
  let closing: Promise<void> | undefined;

  /** A read is synchronous underneath; it is a promise because those of other stores are not. */
  const read = async <T>(work: () => T): Promise<T> => {
    if (!database.isOpen) throw storeIsClosed();
    try {
      return work();
    } catch (error) {
      throw toStorageError(error, directory);
    }
  };

  const search = createMessageIndex({ reads, read, call });

  async function pruneEvents(before: number, max: number): Promise<number> {
    const pruned = await call('pruneEvents', before, max);
    if (pruned > 0) return pruned;
    const front = await read(() => numberOf(reads.firstTimestamp.get()));
    if (front === undefined || front <= now()) return 0;
    const old = await lastOldEvent(before);
    return old === undefined ? 0 : call('pruneEventsUpTo', old, max);
  }

  /**
   * The last old event behind a front that was written while the clock was ahead. In steps: that may be all of the log.
   */
  async function lastOldEvent(before: number): Promise<number | undefined> {
    for (let after = 0; ; ) {
      const row = await read(() => reads.lastOldEvent.get(after, before, eventsPerLook));
      if (typeof row?.old === 'number') return row.old;
      if (typeof row?.last !== 'number') return undefined;
      after = row.last;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    write(writes, { maxDelayMs } = {}) {
      if (writes.some(({ kind }) => kind === 'addMessage')) search.added();
      return writer.write(writes, maxDelayMs);
    },

    readEvents: (query) => read(() => readEvents(reads, query)),
    getEvent: (id) => read(() => getEvent(reads, id)),
    eventBounds: () =>
      read(() => {
        const last = numberOf(reads.lastSequence.get()) ?? 0;
        return { first: numberOf(reads.firstEvent.get()) ?? last + 1, last };
      }),
    countEvents: (after, types) => read(() => countEvents(reads, after, types)),
    pruneEvents,

    getSession: (id) => read(() => optional(reads.getSession.get(id), toSessionRow)),
    getNamedSession: (name) => read(() => optional(reads.getNamedSession.get(name), toSessionRow)),
    listSessions: (page) => read(() => listSessions(reads, page)),
    listMessages: (sessionId, { limit, afterId, maxText, order }) =>
      read(() => {
        const rows =
          order === 'desc'
            ? reads.listMessagesBack.iterate(sessionId, afterId ?? afterAllIds, limit)
            : reads.listMessages.iterate(sessionId, afterId ?? '', limit);
        return takeRows(rows, toMessageRow, maxText);
      }),
    listTurns: (sessionId, { limit, afterId = '', maxText }) =>
      read(() => takeRows(reads.listTurns.iterate(sessionId, afterId, limit), toTurnRow, maxText)),
    search,
    countMessages: (sessionIds) =>
      read(() => new Map(sessionIds.map((id) => [id, numberOf(reads.countMessages.get(id)) ?? 0]))),
    getRun: (id) => read(() => optional(reads.getRun.get(id), toRunRow)),
    listRuns: (page) => read(() => listRuns(reads, page)),
    sessionsWithRuns: (sessionIds, statuses) => read(() => sessionsWithRuns(reads, sessionIds, statuses)),

    sessionWorkspaces: (limit) => read(() => reads.sessionWorkspaces.all(limit).map(toWorkspaceUse)),
    newestIds: () =>
      read(() => reads.newestIds.all().flatMap(({ id }) => (typeof id === 'string' ? [id] : []))),
    listMcpServers: () => read(() => reads.listMcpServers.all().map(toMcpServerRow)),
    listKeys: () => read(() => reads.listKeys.all().map(toKeyRow)),
    getAnswer: (key) => read(() => optional(reads.getAnswer.get(key), toAnswerRow)),
    pruneAnswers: (before, max) => call('pruneAnswers', before, max),

    questions: questionStore({ reads, read }),
    triggers: triggerStore({ reads, read, call }),
    fileHistory: fileHistoryStore({ reads, read, call }),
    files: fileStore({ reads, read, call }),
    ...deliveryStore({ reads, read, call }),

    probe: () => call('probe'),
    close() {
      // The last connection to close removes the write-ahead log, and a read-only one cannot.
      search.close();
      closing ??= writer.close(() => database.close());
      return closing;
    },
  };
}

/** A logger that throws must not prevent opening or commits. */
function guardLogger(logger: StoreLogger): StoreLogger {
  return { warn: (fields, message) => callHost(() => logger.warn(fields, message)) };
}

function optional<T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}

/** The number of a statement that gives one as `value`; undefined where there is none. */
function numberOf(row: Row | undefined): number | undefined {
  return typeof row?.value === 'number' ? row.value : undefined;
}
