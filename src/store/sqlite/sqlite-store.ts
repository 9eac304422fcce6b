// The embedded store: one SQLite file (WAL, synchronous=FULL), owned by one process. An acknowledged write survives a crash of the
// process and a power cut. Source for the settings: https://www.sqlite.org/pragma.html#pragma_synchronous

import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { AnswerRow, KeyRow, MessageRow, RunRow, SessionRow, Store, Write } from '../store.ts';
import { StoreOpenError } from '../store-open-error.ts';
import { readEvents, toEventRow } from './event-reader.ts';
import { createGroupCommit } from './group-commit.ts';
import { migrate } from './migrations.ts';
import { takeOwnership } from './owner-lock.ts';
import { isCorrupt, toStorageError } from './sqlite-errors.ts';
import { prepareStatements, type Statements } from './statements.ts';

export interface SqliteStoreOptions {
  /** The database file; made, readable by its owner only, if it is not there. */
  readonly path: string;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

type Row = Record<string, unknown>;

/** Opens the database, alone. @throws StoreOpenError with one line for a person. */
export async function openSqliteStore({ path, now = Date.now }: SqliteStoreOptions): Promise<Store> {
  createPrivate(path);
  const owner = opening(path, () => takeOwnership(path, now()));
  try {
    const database = opening(path, () => openDatabase(path));
    try {
      return createStore(database, owner.release);
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    owner.release();
    throw error;
  }
}

/** SQLite would make the file readable for all that the umask allows; `-wal` and `-shm` take over its mode. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  } catch (cause) {
    throw new StoreOpenError('unwritable', `${path} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function opening<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof StoreOpenError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (isCorrupt(cause)) {
      throw new StoreOpenError(
        'corrupt',
        `${path} is not a database of ours or is damaged (${reason}). Move it away to start afresh.`,
        {
          cause,
        },
      );
    }
    throw new StoreOpenError('unwritable', `${path} cannot be opened: ${reason}`, { cause });
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000, enableForeignKeyConstraints: true });
  try {
    database.exec('PRAGMA journal_mode = WAL');
    database.exec('PRAGMA synchronous = FULL');
    // A checkpoint costs two more fsyncs; every 16 MiB of log instead of every 4.
    database.exec('PRAGMA wal_autocheckpoint = 4000');
    migrate(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function createStore(database: DatabaseSync, releaseOwnership: () => void): Store {
  const statements = prepareStatements(database);
  const commits = createGroupCommit(database, (write) => applyWrite(statements, write));
  let closed = false;

  /** Reads are synchronous underneath; as promises, since other stores' are not. */
  const reading = async <T>(read: () => T): Promise<T> => {
    try {
      return read();
    } catch (error) {
      throw toStorageError(error);
    }
  };
  const number = (row: Row | undefined): number | undefined =>
    (row?.value ?? undefined) as number | undefined;

  return {
    write: (writes) => commits.write(writes),

    readEvents: (query) => reading(() => readEvents(statements, query)),
    getEvent: (id) =>
      reading(() => {
        const row = statements.getEvent.get(id);
        return row === undefined ? undefined : toEventRow(row);
      }),
    eventBounds: () =>
      reading(() => {
        const last = number(statements.lastSequence.get()) ?? 0;
        return { first: number(statements.firstEvent.get()) ?? last + 1, last };
      }),
    pruneEvents: (before, max) => reading(() => Number(statements.pruneEvents.run(before, max).changes)),

    getSession: (id) => reading(() => optional(statements.getSession.get(id), toSessionRow)),
    listSessions: ({ limit, beforeId = '\u{10ffff}' }) =>
      reading(() => statements.listSessions.all(beforeId, limit).map(toSessionRow)),
    listMessages: (sessionId, { limit, afterId = '' }) =>
      reading(() => statements.listMessages.all(sessionId, afterId, limit).map(toMessageRow)),
    countMessages: (sessionIds) =>
      reading(() => new Map(sessionIds.map((id) => [id, number(statements.countMessages.get(id)) ?? 0]))),
    getRun: (id) => reading(() => optional(statements.getRun.get(id), toRunRow)),
    listRuns: (page) => reading(() => listRuns(statements, page)),

    listKeys: () => reading(() => statements.listKeys.all().map(toKeyRow)),
    getAnswer: (key) => reading(() => optional(statements.getAnswer.get(key), toAnswerRow)),
    pruneAnswers: (before, max) => reading(() => Number(statements.pruneAnswers.run(before, max).changes)),

    probe: () =>
      reading(() => {
        statements.probe.run();
      }),
    async close() {
      if (closed) return;
      closed = true;
      commits.flush();
      database.close();
      releaseOwnership();
    },
  };
}

function applyWrite(statements: Statements, write: Write): number | undefined {
  switch (write.kind) {
    case 'appendEvent': {
      const { id, type, timestamp, sessionId, runId, data } = write.event;
      return Number(statements.appendEvent.run(id, type, timestamp, sessionId, runId, data).lastInsertRowid);
    }
    case 'putSession': {
      const { id, title, createdAt, updatedAt, details } = write.session;
      statements.putSession.run(id, title, createdAt, updatedAt, details);
      return undefined;
    }
    case 'deleteSession':
      statements.deleteSession.run(write.id);
      return undefined;
    case 'addMessage': {
      const { id, sessionId, runId, role, createdAt, content } = write.message;
      statements.addMessage.run(id, sessionId, runId, role, createdAt, content);
      return undefined;
    }
    case 'putRun': {
      const { id, sessionId, status, createdAt, updatedAt, details } = write.run;
      statements.putRun.run(id, sessionId, status, createdAt, updatedAt, details);
      return undefined;
    }
    case 'putKey': {
      const { id, name, hash, scopes, createdAt } = write.key;
      statements.putKey.run(id, name, hash, scopes, createdAt);
      return undefined;
    }
    case 'deleteKey':
      statements.deleteKey.run(write.id);
      return undefined;
    case 'putAnswer': {
      const { key, fingerprint, status, headers, body, createdAt } = write.answer;
      statements.putAnswer.run(key, fingerprint, status, headers, body, createdAt);
      return undefined;
    }
  }
}

function listRuns(statements: Statements, page: Parameters<Store['listRuns']>[0]): RunRow[] {
  const conditions = ['id < ?'];
  const values: (string | number)[] = [page.beforeId ?? '\u{10ffff}'];
  if (page.sessionId !== undefined) {
    conditions.push('session_id = ?');
    values.push(page.sessionId);
  }
  if (page.statuses !== undefined) {
    conditions.push(`status IN (${page.statuses.map(() => '?').join(', ')})`);
    values.push(...page.statuses);
  }
  const text = `SELECT * FROM runs WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`;
  return statements
    .composed(text)
    .all(...values, page.limit)
    .map(toRunRow);
}

// STRICT tables vouch for the types below.

function optional<T>(row: Row | undefined, convert: (row: Row) => T): T | undefined {
  return row === undefined ? undefined : convert(row);
}

function toSessionRow(row: Row): SessionRow {
  return {
    id: row.id as string,
    title: row.title as string,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    details: row.details as string,
  };
}

function toMessageRow(row: Row): MessageRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    runId: row.run_id as string | null,
    role: row.role as MessageRow['role'],
    createdAt: row.created_at as number,
    content: row.content as string,
  };
}

function toRunRow(row: Row): RunRow {
  return {
    id: row.id as string,
    sessionId: row.session_id as string,
    status: row.status as string,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
    details: row.details as string,
  };
}

function toKeyRow(row: Row): KeyRow {
  return {
    id: row.id as string,
    name: row.name as string,
    hash: row.hash as string,
    scopes: row.scopes as string,
    createdAt: row.created_at as number,
  };
}

function toAnswerRow(row: Row): AnswerRow {
  return {
    key: row.key as string,
    fingerprint: row.fingerprint as string,
    status: row.status as number,
    headers: row.headers as string,
    body: row.body as string,
    createdAt: row.created_at as number,
  };
}
