// Every SQL statement of the SQLite store, by name, prepared once. Reads that take optional filters are composed from fixed
// pieces (never from values) and kept prepared by their text.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Sorts after every id: where a list that goes backwards begins. */
export const afterAllIds = '\u{10ffff}';

const sql = {
  appendEvent: 'INSERT INTO events (id, type, timestamp, session_id, run_id, data) VALUES (?, ?, ?, ?, ?, ?)',
  getEvent: 'SELECT * FROM events WHERE id = ?',
  firstEvent: 'SELECT min(sequence) AS value FROM events',
  // sqlite_sequence remembers the last number given out, also when all rows were pruned.
  lastSequence: "SELECT seq AS value FROM sqlite_sequence WHERE name = 'events'",
  // Always the front of the log, so that what is kept has no holes: of the `max` oldest, all up to the last that is too old. The
  // order is that of the sequence; a clock that was set back or forward for a while changes nothing. No index on time is needed.
  pruneEvents: `DELETE FROM events WHERE sequence <= (
    SELECT max(sequence) FROM (SELECT sequence, timestamp FROM events ORDER BY sequence LIMIT ?2) WHERE timestamp < ?1
  )`,

  putSession: `INSERT INTO sessions (id, title, created_at, updated_at, details) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, updated_at = excluded.updated_at, details = excluded.details`,
  deleteSession: 'DELETE FROM sessions WHERE id = ?',
  getSession: 'SELECT * FROM sessions WHERE id = ?',
  listSessions: 'SELECT * FROM sessions WHERE id < ? ORDER BY id DESC LIMIT ?',

  addMessage:
    'INSERT INTO messages (id, session_id, run_id, role, created_at, content) VALUES (?, ?, ?, ?, ?, ?)',
  listMessages: 'SELECT * FROM messages WHERE session_id = ? AND id > ? ORDER BY id LIMIT ?',
  countMessages: 'SELECT count(*) AS value FROM messages WHERE session_id = ?',

  putRun: `INSERT INTO runs (id, session_id, status, created_at, updated_at, details) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at, details = excluded.details`,
  getRun: 'SELECT * FROM runs WHERE id = ?',

  putKey: `INSERT INTO keys (id, name, hash, scopes, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, hash = excluded.hash, scopes = excluded.scopes`,
  deleteKey: 'DELETE FROM keys WHERE id = ?',
  listKeys: 'SELECT * FROM keys ORDER BY id',

  putAnswer: `INSERT INTO answers (key, fingerprint, status, headers, body, created_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
      headers = excluded.headers, body = excluded.body, created_at = excluded.created_at`,
  getAnswer: 'SELECT * FROM answers WHERE key = ?',
  pruneAnswers:
    'DELETE FROM answers WHERE key IN (SELECT key FROM answers WHERE created_at < ? ORDER BY created_at LIMIT ?)',

  // A commit that changes a page, and so proves that the disk takes one.
  probe: 'UPDATE probe SET count = count + 1',
} as const;

export type StatementName = keyof typeof sql;

export interface Statements extends Readonly<Record<StatementName, StatementSync>> {
  /** A statement composed by the caller from fixed pieces; prepared the first time, kept after. */
  readonly composed: (text: string) => StatementSync;
}

export function prepareStatements(database: DatabaseSync): Statements {
  const kept = new Map<string, StatementSync>();
  const composed = (text: string): StatementSync => {
    let statement = kept.get(text);
    if (statement === undefined) {
      statement = database.prepare(text);
      kept.set(text, statement);
    }
    return statement;
  };
  const named = Object.fromEntries(
    Object.entries(sql).map(([name, text]) => [name, database.prepare(text)]),
  ) as Record<StatementName, StatementSync>;
  return { ...named, composed };
}
