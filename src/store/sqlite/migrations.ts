// The schema as a list of migrations. Each runs once, in a transaction with its version number. A released migration is
// never edited; a change is a new one.

import type { DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../store-open-error.ts';

/** Step `n` migrates from version `n` to `n + 1`. */
export const migrations: readonly string[] = [
  `
  -- AUTOINCREMENT: a sequence number is never given out twice, not even after the newest rows were pruned.
  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    session_id TEXT,
    run_id TEXT,
    data TEXT NOT NULL
  ) STRICT;
  -- Each index ends with the sequence, so a page is read in order and stops at its limit, however long the log is.
  CREATE INDEX events_by_type ON events (type, sequence);
  CREATE INDEX events_by_session ON events (session_id, sequence) WHERE session_id IS NOT NULL;
  -- A rare type in a long session is found without walking the session; runs are short enough to walk.
  CREATE INDEX events_by_session_and_type ON events (session_id, type, sequence) WHERE session_id IS NOT NULL;
  CREATE INDEX events_by_run ON events (run_id, sequence) WHERE run_id IS NOT NULL;

  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    details TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    details TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_by_session ON runs (session_id, id);
  CREATE INDEX runs_by_status ON runs (status, id);

  CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    run_id TEXT,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    content TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_by_session ON messages (session_id, id);

  CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE answers (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answers_by_age ON answers (created_at);

  -- One row that Store.probe() changes to prove that a commit reaches the disk.
  CREATE TABLE probe (count INTEGER NOT NULL) STRICT;
  INSERT INTO probe VALUES (0);
  `,
  `
  -- The bytes that the deliveries of an event send, and how many deliveries need them.
  CREATE TABLE payloads (
    sequence INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    body BLOB NOT NULL,
    uses INTEGER NOT NULL
  ) STRICT;

  -- By event: the deliveries of one event are neighbours at the end of the table, also when there are a hundred of them.
  CREATE TABLE deliveries (
    sequence INTEGER NOT NULL,
    webhook_id TEXT NOT NULL,
    id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    status TEXT NOT NULL,
    hop INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    pauses INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    next_attempt_at INTEGER,
    ended_at INTEGER,
    reason TEXT,
    -- JSON objects, one an attempt, parted by commas.
    attempt_log TEXT NOT NULL,
    PRIMARY KEY (sequence, webhook_id, id)
  ) STRICT, WITHOUT ROWID;
  -- Ids sort by time, so this grows at its end too.
  CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id);
  -- Read from one end to the other at the start; an index by webhook would be written to in as many places as there are webhooks.
  CREATE INDEX deliveries_fresh ON deliveries (sequence, webhook_id)
    WHERE status = 'pending' AND next_attempt_at IS NULL;
  CREATE INDEX deliveries_waiting ON deliveries (webhook_id, next_attempt_at, created_at)
    WHERE status = 'pending' AND next_attempt_at IS NOT NULL;
  -- History and pruning walk ended deliveries only.
  CREATE INDEX deliveries_ended ON deliveries (id, status) WHERE ended_at IS NOT NULL;

  CREATE TABLE webhook_states (webhook_id TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE run_webhooks (
    webhook_id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL,
    config TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- 1: being copied, in several commits; seen by nobody until the last.
  ALTER TABLE sessions ADD COLUMN is_draft INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX sessions_drafts ON sessions (id) WHERE is_draft = 1;
  `,
  `
  -- What was sent to models, entry by entry, so that a later run sends the same bytes again. A session of an earlier release has none
  -- for its old messages: they are read from the messages alone.
  CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    run_id TEXT,
    content TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX turns_by_session ON turns (session_id, id);
  `,
  `
  -- The names by which clients of other protocols find their sessions, such as the id of a chat.
  CREATE TABLE session_names (
    name TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX session_names_by_session ON session_names (session_id);
  `,
  `
  -- Calls of triggers, in the order of their ids. Only accepted ones have a run; duplicates have that of the first.
  CREATE TABLE trigger_calls (
    id TEXT PRIMARY KEY,
    trigger_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    run_id TEXT,
    coalesce_key TEXT,
    details TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX trigger_calls_by_trigger ON trigger_calls (trigger_id, id);
  CREATE INDEX trigger_calls_by_outcome ON trigger_calls (trigger_id, outcome, id);
  CREATE INDEX trigger_calls_by_coalesce_key ON trigger_calls (trigger_id, coalesce_key, id)
    WHERE coalesce_key IS NOT NULL;

  -- The identities of accepted calls.
  CREATE TABLE trigger_keys (
    trigger_id TEXT NOT NULL,
    key TEXT NOT NULL,
    call_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (trigger_id, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX trigger_keys_by_age ON trigger_keys (created_at);

  CREATE TABLE trigger_states (trigger_id TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- The trace that an event belongs to, which its deliveries continue: traceparent and, after a space, tracestate.
  ALTER TABLE payloads ADD COLUMN trace TEXT;
  `,
  `
  -- Contents of files, by their hash. The index answers how much they take without reading them.
  CREATE TABLE file_images (
    hash TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    bytes INTEGER NOT NULL GENERATED ALWAYS AS (length(content)) STORED,
    used_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX file_images_by_use ON file_images (used_at, hash, bytes);

  -- Changes of files by sessions, in the order of their ids.
  CREATE TABLE file_changes (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    run_id TEXT,
    path TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    details TEXT NOT NULL,
    after TEXT,
    undo_id TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX file_changes_by_session ON file_changes (session_id, id);
  CREATE INDEX file_changes_by_undo ON file_changes (undo_id) WHERE undo_id IS NOT NULL;

  CREATE TABLE undos (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    details TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX undos_by_session ON undos (session_id, id);

  -- Messages and turns (whose role is 'turn') that an undo has hidden.
  CREATE TABLE undone_items (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    undo_id TEXT NOT NULL,
    run_id TEXT,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    content TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX undone_items_by_undo ON undone_items (undo_id);
  CREATE INDEX undone_items_by_session ON undone_items (session_id);
  `,
  `
  CREATE TABLE files (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE INDEX files_by_age ON files (created_at, size);
  `,
  `
  -- What runs wait for: permissions, questions and calls of the caller's tools. Lists are in the order of the ids without
  -- their prefixes, which is that of time.
  CREATE TABLE questions (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL,
    content TEXT NOT NULL,
    is_answered INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX questions_by_run ON questions (run_id, id);
  CREATE INDEX questions_by_time ON questions (substr(id, 5)) WHERE is_answered = 0;
  `,
  `
  -- The place of a session in lists, if its caller chose the id: an id that sorts by time. NULL: the id is the place.
  ALTER TABLE sessions ADD COLUMN place TEXT;
  ALTER TABLE sessions ADD COLUMN is_archived INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX sessions_by_place ON sessions (coalesce(place, id));
  CREATE INDEX sessions_in_use ON sessions (coalesce(place, id)) WHERE is_archived = 0;

  -- Messages by number, in the order of their commits. AUTOINCREMENT: a number is never given out twice, so all up to
  -- search_progress are in the index.
  CREATE TABLE message_places (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE
  ) STRICT;
  -- Only ids: the index of the words is filled later, in steps. See message-index.ts.
  INSERT INTO message_places (message_id) SELECT id FROM messages INDEXED BY messages_by_session ORDER BY id;
  CREATE TABLE search_progress (place INTEGER NOT NULL) STRICT;
  INSERT INTO search_progress VALUES (0);

  -- The words of messages by place, without the text. Words have letters and digits only; whatever is not ASCII is part
  -- of a word.
  CREATE VIRTUAL TABLE message_words USING fts5(
    words, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '2 3'
  );
  CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO message_places (message_id) VALUES (new.id);
  END;
  -- Also for messages that are deleted with their session.
  CREATE TRIGGER message_deleted AFTER DELETE ON messages BEGIN
    DELETE FROM message_words WHERE rowid = (SELECT place FROM message_places WHERE message_id = old.id);
    DELETE FROM message_places WHERE message_id = old.id;
  END;
  `,

  // MCP servers that were added over the API.
  `
  CREATE TABLE mcp_servers (name TEXT PRIMARY KEY, config TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE keys ADD COLUMN limits TEXT;
  `,
];

/** The newest version that this release supports. */
export const schemaVersion = migrations.length;

export function readVersion(database: DatabaseSync): number {
  const row = database.prepare('PRAGMA user_version').get();
  return Number(row?.user_version ?? 0);
}

/** @throws StoreOpenError `newer_version` */
export function refuseNewer(database: DatabaseSync, path: string): void {
  const version = readVersion(database);
  if (version <= schemaVersion) return;
  throw new StoreOpenError(
    'newer_version',
    `${path} was written by a newer release (schema ${version}; this one knows up to ${schemaVersion}). Update codebuddy-api.`,
  );
}

/** Refuse a database of another program. @throws StoreOpenError `corrupt` */
export function refuseForeign(database: DatabaseSync, path: string): void {
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map((row) => row.name);
  if (readVersion(database) === 0 ? names.length === 0 : names.includes('events')) return;
  throw new StoreOpenError(
    'corrupt',
    `${path} is a database of another program. Move it away to start afresh, or use another --home.`,
  );
}

/** Run the missing migrations, each in a transaction with its version number. */
export function migrate(database: DatabaseSync, steps: readonly string[] = migrations): void {
  for (const [index, step] of steps.entries()) {
    if (index < readVersion(database)) continue;
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(step);
      database.exec(`PRAGMA user_version = ${index + 1}`);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}
