// The embedded store: one SQLite file (WAL, synchronous=FULL), owned by one process. Acknowledged writes survive a
// crash of the process and a power cut.

import { callHost } from '../../base/call-host.ts';
import { takeRows } from '../page-weight.ts';
import type { Store } from '../store.ts';
import { applyWrite } from './apply-write.ts';
import { deliveryReads } from './deliveries.ts';
import { countEvents, readEvents } from './event-reader.ts';
import { createGroupCommit, storeIsClosed } from './group-commit.ts';
import { type OwnedDatabase, openOwnedDatabase, type StoreLogger, toOpenError } from './open-database.ts';
import {
  type Row,
  toAnswerRow,
  toEventRow,
  toKeyRow,
  toMessageRow,
  toRunRow,
  toSessionRow,
  toTurnRow,
} from './rows.ts';
import { listRuns } from './run-lister.ts';
import { isCallersFault, toStorageError } from './sqlite-errors.ts';
import { afterAllIds, prepareStatements, type Statements } from './statements.ts';

export interface SqliteStoreOptions {
  /** The database file. Created, readable by its owner only, if it does not exist. Its folder must exist. */
  readonly path: string;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** How long to wait for another program that holds the database, in ms. @default 5000 */
  readonly busyTimeoutMs?: number;
  /** Told when commits begin to fail, and when they work again. @default none */
  readonly logger?: StoreLogger;
}

/** Takes a few milliseconds. */
const eventsPerLook = 10_000;

/** Open the database for this process alone. @throws StoreOpenError with one line for a person */
export async function openSqliteStore({
  path,
  now = Date.now,
  busyTimeoutMs = 5000,
  logger: hostLogger,
}: SqliteStoreOptions): Promise<Store> {
  const logger = hostLogger && guardLogger(hostLogger);
  const owned = openOwnedDatabase(path, { now: now(), busyTimeoutMs, logger });
  try {
    return createStore(owned, now, logger);
  } catch (error) {
    owned.close();
    throw toOpenError(path, error);
  }
}

function createStore(
  { database, directory, close }: OwnedDatabase,
  now: () => number,
  logger: StoreLogger | undefined,
): Store {
  const statements = prepareStatements(database);
  deleteDrafts(statements, logger);
  const commits = createGroupCommit({
    database,
    directory,
    apply: (write) => applyWrite(statements, write),
    onStorageChange(failure) {
      if (failure === undefined) logger?.warn({}, 'the store works again');
      else logger?.warn({ err: failure }, 'the store cannot commit; writes are refused until it works again');
    },
  });
  let closed = false;

  /** Run work outside the group commit. It is synchronous here, but not in every store. */
  const direct = async <T>(work: () => T): Promise<T> => {
    if (closed) throw storeIsClosed();
    try {
      return work();
    } catch (error) {
      throw toStorageError(error, directory);
    }
  };

  async function pruneEvents(before: number, max: number): Promise<number> {
    const pruned = await direct(() => Number(statements.pruneEvents.run(before, max).changes));
    if (pruned > 0) return pruned;
    const front = await direct(() => numberOf(statements.firstTimestamp.get()));
    if (front === undefined || front <= now()) return 0;
    const old = await lastOldEvent(before);
    return old === undefined ? 0 : direct(() => Number(statements.pruneEventsUpTo.run(old, max).changes));
  }

  /**
   * Find old events behind newer ones, written while the clock was ahead. In steps, because it may read the whole log.
   */
  async function lastOldEvent(before: number): Promise<number | undefined> {
    for (let after = 0; ; ) {
      const row = await direct(() => statements.lastOldEvent.get(after, before, eventsPerLook));
      if (typeof row?.old === 'number') return row.old;
      if (typeof row?.last !== 'number') return undefined;
      after = row.last;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    write: (writes, { maxDelayMs } = {}) => commits.write(writes, maxDelayMs),

    readEvents: (query) => direct(() => readEvents(statements, query)),
    getEvent: (id) => direct(() => optional(statements.getEvent.get(id), toEventRow)),
    eventBounds: () =>
      direct(() => {
        const last = numberOf(statements.lastSequence.get()) ?? 0;
        return { first: numberOf(statements.firstEvent.get()) ?? last + 1, last };
      }),
    countEvents: (after, types) => direct(() => countEvents(statements, after, types)),
    pruneEvents,

    getSession: (id) => direct(() => optional(statements.getSession.get(id), toSessionRow)),
    listSessions: ({ limit, beforeId = afterAllIds, maxText }) =>
      direct(() => takeRows(statements.listSessions.iterate(beforeId, limit), toSessionRow, maxText)),
    listMessages: (sessionId, { limit, afterId = '', maxText }) =>
      direct(() =>
        takeRows(statements.listMessages.iterate(sessionId, afterId, limit), toMessageRow, maxText),
      ),
    listTurns: (sessionId, { limit, afterId = '', maxText }) =>
      direct(() => takeRows(statements.listTurns.iterate(sessionId, afterId, limit), toTurnRow, maxText)),
    countMessages: (sessionIds) =>
      direct(() => new Map(sessionIds.map((id) => [id, numberOf(statements.countMessages.get(id)) ?? 0]))),
    getRun: (id) => direct(() => optional(statements.getRun.get(id), toRunRow)),
    listRuns: (page) => direct(() => listRuns(statements, page)),

    newestIds: () =>
      direct(() => statements.newestIds.all().flatMap(({ id }) => (typeof id === 'string' ? [id] : []))),
    listKeys: () => direct(() => statements.listKeys.all().map(toKeyRow)),
    getAnswer: (key) => direct(() => optional(statements.getAnswer.get(key), toAnswerRow)),
    pruneAnswers: (before, max) => direct(() => Number(statements.pruneAnswers.run(before, max).changes)),

    ...deliveryReads({ statements, direct, transaction: commits.transaction }),

    probe: () =>
      direct(() => {
        statements.probe.run();
      }),
    async close() {
      if (closed) return;
      closed = true;
      commits.close();
      close();
    },
  };
}

/** A logger that throws must not prevent opening or commits. */
function guardLogger(logger: StoreLogger): StoreLogger {
  return { warn: (fields, message) => callHost(() => logger.warn(fields, message)) };
}

/** Delete incomplete sessions of a crash. They are not visible, so a full disk must not prevent opening. */
function deleteDrafts(statements: Statements, logger: StoreLogger | undefined): void {
  try {
    statements.deleteDrafts.run();
  } catch (error) {
    if (isCallersFault(error)) throw error;
    logger?.warn(
      { err: error },
      'an incomplete copy of a session could not be deleted; the next start tries again',
    );
  }
}

function optional<T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}

/** The number in column `value`; undefined if there is none. */
function numberOf(row: Row | undefined): number | undefined {
  return typeof row?.value === 'number' ? row.value : undefined;
}
