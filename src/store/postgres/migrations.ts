// The schema as a list of migrations. Each runs once, and all that are missing run in one transaction, under a lock, so
// that several processes may start at once. A released migration is never edited; a change is a new one.
//
// Ids have the collation "C": they sort by bytes, as in SQLite, whatever the collation of the database is.

import { StoreOpenError } from '../store-open-error.ts';
import { agentMigration } from './agent-migration.ts';
import type { Database, Session } from './database.ts';
import { fileHistoryMigration } from './file-history-migration.ts';
import { filesMigration } from './files-migration.ts';
import { inboxMigration } from './inbox-migration.ts';
import { keyLimitsMigration } from './key-limits-migration.ts';
import { mcpServersMigration } from './mcp-servers-migration.ts';
import { departuresMigration } from './nodes/departures-migration.ts';
import { lostRequestsMigration } from './nodes/lost-requests-migration.ts';
import { nodesMigration } from './nodes/nodes-migration.ts';
import { oneUseMigration } from './nodes/one-use-migration.ts';
import { schemaFenceMigration } from './nodes/schema-fence-migration.ts';
import { questionsMigration } from './questions-migration.ts';
import { searchMigration } from './search-migration.ts';
import { sessionNamesMigration } from './session-names-migration.ts';
import { tracesMigration } from './traces-migration.ts';
import { triggersMigration } from './triggers-migration.ts';
import { webhooksMigration } from './webhooks-migration.ts';

/** Step `n` migrates from version `n` to `n + 1`. */
export const migrations: readonly string[] = [
  `
  -- The last sequence number that was given out. Its row lock makes the order of commits the order of the numbers.
  CREATE TABLE log_head (last bigint NOT NULL) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
  INSERT INTO log_head VALUES (0);

  -- One row for each process that writes: the number of its last commit. A commit whose answer was lost is looked up here.
  CREATE TABLE commits (
    writer text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
  ) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

  -- Begins a commit. A transaction that reaches the server after it was looked up and given up must not commit.
  CREATE FUNCTION begin_commit(of_writer text, next_number bigint) RETURNS void LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE commits SET number = next_number, committed_at = now() WHERE writer = of_writer AND number = next_number - 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'commit % of % is not the next one', next_number, of_writer USING ERRCODE = 'CB001';
    END IF;
  END $$;

  -- Whether the commit was made. If not, it never will be. Waits for its transaction, if that still runs.
  CREATE FUNCTION settle_commit(of_writer text, of_number bigint) RETURNS boolean LANGUAGE plpgsql AS $$
  DECLARE
    found_number bigint;
  BEGIN
    SELECT number INTO found_number FROM commits WHERE writer = of_writer FOR UPDATE;
    IF NOT FOUND THEN
      INSERT INTO commits (writer, number) VALUES (of_writer, of_number);
      RETURN false;
    END IF;
    IF found_number >= of_number THEN
      RETURN true;
    END IF;
    UPDATE commits SET number = of_number WHERE writer = of_writer;
    RETURN false;
  END $$;

  CREATE TABLE events (
    sequence bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    timestamp bigint NOT NULL,
    session_id text COLLATE "C",
    run_id text COLLATE "C",
    data text NOT NULL
  );
  CREATE UNIQUE INDEX events_by_id ON events (id);
  -- Each index ends with the sequence, so a page is read in order and stops at its limit, however long the log is.
  CREATE INDEX events_by_type ON events (type, sequence);
  CREATE INDEX events_by_session ON events (session_id, sequence) WHERE session_id IS NOT NULL;
  -- A rare type in a long session is found without walking the session; runs are short enough to walk.
  CREATE INDEX events_by_session_and_type ON events (session_id, type, sequence) WHERE session_id IS NOT NULL;
  CREATE INDEX events_by_run ON events (run_id, sequence) WHERE run_id IS NOT NULL;

  CREATE TABLE sessions (
    id text COLLATE "C" PRIMARY KEY,
    title text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    details text NOT NULL,
    -- Being copied, in several commits, by this writer; not visible until the last one.
    draft_of text COLLATE "C"
  ) WITH (fillfactor = 80);
  CREATE INDEX sessions_drafts ON sessions (id) WHERE draft_of IS NOT NULL;

  CREATE TABLE runs (
    id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    status text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    details text NOT NULL
  ) WITH (fillfactor = 50);
  CREATE INDEX runs_by_session ON runs (session_id, id);
  CREATE INDEX runs_by_status ON runs (status, id);

  CREATE TABLE messages (
    id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    run_id text COLLATE "C",
    role text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    content text NOT NULL
  );
  CREATE INDEX messages_by_session ON messages (session_id, id);

  -- What was sent to models, entry by entry, so that a later run sends the same bytes again.
  CREATE TABLE turns (
    id text COLLATE "C" PRIMARY KEY,
    session_id text COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    run_id text COLLATE "C",
    content text NOT NULL
  );
  CREATE INDEX turns_by_session ON turns (session_id, id);

  CREATE TABLE keys (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    hash text COLLATE "C" NOT NULL UNIQUE,
    scopes text NOT NULL,
    created_at bigint NOT NULL
  );

  CREATE TABLE answers (
    key text COLLATE "C" PRIMARY KEY,
    fingerprint text NOT NULL,
    status integer NOT NULL,
    headers text NOT NULL,
    body text NOT NULL,
    created_at bigint NOT NULL
  );
  CREATE INDEX answers_by_age ON answers (created_at);

  -- The bytes that the deliveries of an event send, and how many deliveries need them.
  CREATE TABLE payloads (
    sequence bigint PRIMARY KEY,
    event_id text COLLATE "C" NOT NULL,
    body text NOT NULL,
    uses integer NOT NULL
  );

  CREATE TABLE deliveries (
    sequence bigint NOT NULL,
    webhook_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    hop integer NOT NULL,
    attempts integer NOT NULL,
    tries integer NOT NULL,
    pauses integer NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    next_attempt_at bigint,
    ended_at bigint,
    reason text,
    -- JSON objects, one an attempt, parted by commas.
    attempt_log text NOT NULL,
    PRIMARY KEY (sequence, webhook_id, id)
  ) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
  CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id);
  CREATE INDEX deliveries_fresh ON deliveries (sequence, webhook_id)
    WHERE status = 'pending' AND next_attempt_at IS NULL;
  CREATE INDEX deliveries_waiting ON deliveries (webhook_id, next_attempt_at, created_at)
    WHERE status = 'pending' AND next_attempt_at IS NOT NULL;
  -- History and pruning walk ended deliveries only.
  CREATE INDEX deliveries_ended ON deliveries (id, status) WHERE ended_at IS NOT NULL;

  CREATE TABLE webhook_states (webhook_id text COLLATE "C" PRIMARY KEY, state text NOT NULL) WITH (fillfactor = 50);
  CREATE TABLE run_webhooks (
    webhook_id text COLLATE "C" PRIMARY KEY,
    run_id text COLLATE "C" NOT NULL,
    config text NOT NULL,
    created_at bigint NOT NULL
  );

  -- One row that Store.probe() changes to prove that a commit reaches the disk.
  CREATE TABLE probe (count bigint NOT NULL) WITH (fillfactor = 50);
  INSERT INTO probe VALUES (0);
  `,
  nodesMigration,
  webhooksMigration,
  agentMigration,
  departuresMigration,
  schemaFenceMigration,
  oneUseMigration,
  questionsMigration,
  lostRequestsMigration,
  sessionNamesMigration,
  triggersMigration,
  tracesMigration,
  fileHistoryMigration,
  filesMigration,
  inboxMigration,
  searchMigration,
  mcpServersMigration,
  keyLimitsMigration,
];

/** The newest version that this release supports. */
export const schemaVersion = migrations.length;

/** Any number that other programs in the database are unlikely to lock. */
export const migrationLock = 4_026_531_840;

/** Exists while a move from SQLite has not finished. */
export const progressTable = 'move_progress';

/**
 * Run the missing migrations. Waits for another process that runs them.
 * @param options.isMove whether this is the move that the database may be waiting for
 * @throws StoreOpenError `newer_version`, `corrupt`; `in_use` if a move from SQLite has not finished
 */
export async function migrate(
  database: Database,
  steps: readonly string[] = migrations,
  { isMove = false }: { readonly isMove?: boolean } = {},
): Promise<void> {
  await database.use('writer', async (session) => {
    await session.runText('BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL client_min_messages = warning');
    await session.runText(`SELECT pg_advisory_xact_lock(${migrationLock})`);
    if (!isMove) await refuseUnfinishedMove(database, session);
    const version = await readVersion(session);
    if (version > steps.length) {
      throw new StoreOpenError(
        'newer_version',
        `${database.url.shown} was written by a newer release (schema ${version}; this one knows up to ${steps.length}). Update codebuddy-api.`,
      );
    }
    // Nodes of the older release end their writes first; see check_fence. The second migration creates the table.
    if (version >= 2 && version < steps.length) await session.runText('LOCK TABLE nodes IN EXCLUSIVE MODE');
    for (const step of steps.slice(version)) await session.runText(step);
    if (version < steps.length) await session.runText(`UPDATE schema_version SET version = ${steps.length}`);
    await session.runText('COMMIT');
  });
}

async function refuseUnfinishedMove(database: Database, session: Session): Promise<void> {
  const text = `SELECT to_regclass('${progressTable}') IS NOT NULL AS moving`;
  const { rows } = await session.run({ name: 'find-move', text });
  if (rows[0]?.moving !== true) return;
  throw new StoreOpenError(
    'in_use',
    `${database.url.shown} is being filled by codebuddy migrate. If it was interrupted, run it again: it continues where it stopped.`,
  );
}

/** Also refuses a database of another program. */
async function readVersion(session: Session): Promise<number> {
  const { rows } = await session.run({
    name: 'find-tables',
    text: `SELECT to_regclass('schema_version') IS NOT NULL AS ours,
      to_regclass('events') IS NOT NULL OR to_regclass('sessions') IS NOT NULL AS others`,
  });
  if (rows[0]?.ours !== true) {
    if (rows[0]?.others === true) {
      throw new StoreOpenError(
        'corrupt',
        'The database has tables of another program. Use a database, or a schema (search_path), of its own.',
      );
    }
    await session.runText(
      'CREATE TABLE schema_version (version integer NOT NULL); INSERT INTO schema_version VALUES (0)',
    );
  }
  const found = await session.run({ name: 'read-version', text: 'SELECT version FROM schema_version' });
  return Number(found.rows[0]?.version ?? 0);
}
