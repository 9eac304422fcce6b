// Open a database: wait for the server, check it, and migrate the schema. Each failure is reported in one line for a
// person.

import type { StoreLogger } from '../store-logger.ts';
import { StoreOpenError } from '../store-open-error.ts';
import { createDatabase, type Database, type DatabaseOptions, type PoolName } from './database.ts';
import { migrate } from './migrations.ts';
import { isAway, sqlState } from './postgres-errors.ts';

/** PostgreSQL 15, the oldest release that is still maintained. */
const oldestVersion = 150_000;

export interface OpenedDatabase {
  readonly database: Database;
  /** Of the server: 180004 is 18.4. */
  readonly version: number;
}

/** @throws StoreOpenError */
export async function openDatabase(options: DatabaseOptions): Promise<OpenedDatabase> {
  const { logger } = options;
  let isOpen = false;
  // Until then, the error of the opening says all.
  const quiet: StoreLogger = { warn: (fields, message) => isOpen && logger?.warn(fields, message) };
  const database = createDatabase({ ...options, logger: quiet });
  try {
    const version = await checkServer(database, logger);
    await migrate(database);
    await deleteDrafts(database, logger);
    isOpen = true;
    return { database, version };
  } catch (error) {
    await database.close();
    throw toOpenError(database.url.shown, error);
  }
}

export async function checkServer(database: Database, logger: StoreLogger | undefined): Promise<number> {
  const { shown } = database.url;
  await checkPooler(database);
  const { rows } = await database.use('others', (session) =>
    session.run({
      name: 'check-server',
      text: `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text,
        current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
        current_setting('transaction_read_only') AS read_only`,
    }),
  );
  const server = rows[0] ?? {};
  if (Number(server.version) < oldestVersion) {
    throw unsupported(`${shown} is PostgreSQL ${server.version_text}; version 15 or newer is needed.`);
  }
  if (server.encoding !== 'UTF8') {
    throw unsupported(
      `${shown} has the encoding ${server.encoding}; UTF8 is needed. Create the database with ENCODING 'UTF8' TEMPLATE template0.`,
    );
  }
  if (server.read_only === 'on') {
    throw new StoreOpenError('unwritable', `${shown} is read-only. Use the primary server.`);
  }
  for (const setting of ['synchronous_commit', 'fsync', 'full_page_writes']) {
    if (server[setting] !== 'off') continue;
    logger?.warn(
      { database: shown, setting },
      `${setting} is off in the database: a crash of its server can lose events that were acknowledged`,
    );
  }
  return Number(server.version);
}

/**
 * A pooler in transaction mode gives two open connections the same connection to the server. It would release the lock
 * of a node that is alive, and mix up prepared statements.
 */
async function checkPooler(database: Database): Promise<void> {
  const processOf = async (pool: PoolName): Promise<unknown> => {
    const rows = await database.use(pool, (session) => session.readText('SELECT pg_backend_pid() AS pid'));
    return rows[0]?.pid;
  };
  if ((await processOf('others')) !== (await processOf('writer'))) return;
  throw unsupported(
    `${database.url.shown} is reached through a pooler in transaction mode, which keeps neither session locks nor LISTEN. Connect directly, or through a pooler in session mode.`,
  );
}

/**
 * Deletes copies of sessions that a process left unfinished: it has closed its store, or has committed nothing for ten
 * minutes. No read finds them, so a failure must not keep the store from opening.
 */
async function deleteDrafts(database: Database, logger: StoreLogger | undefined): Promise<void> {
  try {
    await database.use('writer', (session) =>
      session.run({
        name: 'deleteDrafts',
        text: `DELETE FROM sessions s WHERE draft_of IS NOT NULL AND NOT EXISTS (
          SELECT FROM commits c WHERE c.writer = s.draft_of AND c.committed_at > now() - interval '10 minutes')`,
      }),
    );
  } catch (error) {
    logger?.warn(
      { err: error },
      'an unfinished copy of a session could not be deleted; the next start tries again',
    );
  }
}

function unsupported(message: string): StoreOpenError {
  return new StoreOpenError('unsupported', message);
}

export function toOpenError(shown: string, cause: unknown): StoreOpenError {
  if (cause instanceof StoreOpenError) return cause;
  const why = cause instanceof Error ? cause.message || String(cause) : String(cause);
  const state = sqlState(cause);
  if (state === '42501') {
    return new StoreOpenError(
      'unwritable',
      `${shown} cannot be written to: ${why}. Grant the user CREATE on the schema.`,
      { cause },
    );
  }
  // Node reports a refused connection to several addresses as an AggregateError without a message.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const reason = first instanceof Error && first.message !== '' ? first.message : why;
  return new StoreOpenError(
    isAway(first) ? 'unreachable' : 'refused',
    `${shown} cannot be opened: ${reason}`,
    { cause },
  );
}
