// A PostgreSQL database as the target of a move. Each batch is committed together with the place up to which its table
// is copied, so that an interrupted move continues there. Until the end, no node starts on the database.

import {
  type MovedEntry,
  type MovedRow,
  type MovedTable,
  movedTables,
  type Value,
} from '../../moved-tables.ts';
import { StoreOpenError } from '../../store-open-error.ts';
import { createDatabase, type Database, type Session } from '../database.ts';
import { parseDatabaseUrl } from '../database-url.ts';
import { migrate, migrationLock, progressTable } from '../migrations.ts';
import { checkServer, toOpenError } from '../open-database.ts';
import { isConnectionLost } from '../postgres-errors.ts';
import { encodeText } from '../text-encoding.ts';
import { inTransaction as run } from '../transaction.ts';

export interface ImportTarget {
  /** Host, port and database. */
  readonly shown: string;
  /** `resumed`: an earlier move of the same data was interrupted. `restarted`: one of other data was deleted. */
  readonly start: 'fresh' | 'resumed' | 'restarted';
  /** Where to continue in a table: after this key. `rows` are already copied. */
  progress(table: MovedTable): { readonly after: readonly Value[] | undefined; readonly rows: number };
  write(table: MovedTable, rows: readonly MovedRow[]): Promise<void>;
  /** Replaces the webhooks that an earlier try has written. */
  putWebhooks(webhooks: readonly MovedEntry[]): Promise<void>;
  /** Replaces the triggers that an earlier try has written. */
  putTriggers(triggers: readonly MovedEntry[]): Promise<void>;
  count(table: MovedTable): Promise<number>;
  pendingDeliveries(): Promise<number>;
  /** Set the end of the log, and let nodes start. */
  finish(lastSequence: number): Promise<void>;
  close(): Promise<void>;
}

export interface ImportTargetOptions {
  readonly url: string;
  /** Of the source. */
  readonly fingerprint: string;
}

/** A statement over all rows may take long. */
const statementTimeoutMs = 3_600_000;

/** @throws StoreOpenError; `in_use` if the target has other data or nodes, or another move runs */
export async function openImportTarget({ url, fingerprint }: ImportTargetOptions): Promise<ImportTarget> {
  const database = createDatabase({ url: parseDatabaseUrl(url), statementTimeoutMs });
  try {
    await checkServer(database, undefined);
    await migrate(database, undefined, { isMove: true });
    const start = await begin(database, fingerprint);
    return await createTarget(database, start);
  } catch (error) {
    await database.close();
    throw toOpenError(database.url.shown, error);
  }
}

/** Under the lock of migrations, so that no node starts meanwhile. */
async function begin(database: Database, fingerprint: string): Promise<ImportTarget['start']> {
  const { shown } = database.url;
  return inTransaction(database, async (session) => {
    await session.runText(`SELECT pg_advisory_xact_lock(${migrationLock})`);
    const { rows: found } = await query(
      session,
      `SELECT to_regclass('${progressTable}') IS NOT NULL AS begun`,
    );
    let start: ImportTarget['start'] = 'fresh';
    if (found[0]?.begun === true) {
      const { rows } = await query(session, `SELECT fingerprint FROM ${progressTable} LIMIT 1`);
      if (rows[0]?.fingerprint === fingerprint) return 'resumed';
      const tables = [...movedTables.map(({ name }) => name), 'webhooks', 'triggers'];
      // The rows of other tables that refer to these are not moved, so there are none.
      await session.runText(`TRUNCATE ${tables.join(', ')} CASCADE; DROP TABLE ${progressTable}`);
      start = 'restarted';
    }
    const full: string[] = [];
    for (const name of [...movedTables.map((table) => table.name), 'webhooks', 'run_webhooks', 'triggers']) {
      const { rows } = await query(session, `SELECT EXISTS (SELECT FROM ${name}) AS has_rows`);
      if (rows[0]?.has_rows === true) full.push(name);
    }
    const { rows } = await query(
      session,
      'SELECT last, (SELECT count(*) FROM nodes WHERE alive) AS nodes FROM log_head',
    );
    if (Number(rows[0]?.nodes) > 0)
      throw new StoreOpenError('in_use', `${shown} has running nodes. Stop them, or use another database.`);
    if (full.length > 0 || Number(rows[0]?.last) > 0) {
      const what = full.length === 0 ? 'had events' : `has data already (${full.join(', ')})`;
      throw new StoreOpenError('in_use', `${shown} ${what}. Use an empty database.`);
    }
    await session.runText(
      `CREATE TABLE ${progressTable} (name text PRIMARY KEY, fingerprint text NOT NULL, after text, copied bigint NOT NULL)`,
    );
    await query(
      session,
      `INSERT INTO ${progressTable} SELECT name, $2, NULL, 0 FROM unnest($1::text[]) AS name`,
      [movedTables.map(({ name }) => name), fingerprint],
    );
    return start;
  });
}

async function createTarget(database: Database, start: ImportTarget['start']): Promise<ImportTarget> {
  const { rows } = await database.use('others', (session) =>
    query(session, `SELECT name, after, copied FROM ${progressTable}`),
  );
  const places = new Map(
    rows.map((row) => [
      String(row.name),
      {
        after: typeof row.after === 'string' ? (JSON.parse(row.after) as readonly Value[]) : undefined,
        rows: Number(row.copied),
      },
    ]),
  );
  const numberOf = async (text: string): Promise<number> => {
    const result = await inTransaction(database, (session) => query(session, text));
    return Number(result.rows[0]?.value);
  };

  return {
    shown: database.url.shown,
    start,
    progress: ({ name }) => places.get(name) ?? { after: undefined, rows: 0 },
    async write(table, batch) {
      const columns = Object.entries(table.columns);
      const place = places.get(table.name) ?? { after: undefined, rows: 0 };
      const last = batch.at(-1) ?? [];
      const after = table.key.map((column) => last[columns.findIndex(([name]) => name === column)] ?? null);
      const values = columns.map(([, type], index) =>
        batch.map((row) => {
          const value = row[index] ?? null;
          return type === 'text' && typeof value === 'string' ? encodeText(value) : value;
        }),
      );
      await inTransaction(database, async (session) => {
        // Two moves at the same time would otherwise copy the same rows.
        const { count } = await query(
          session,
          `UPDATE ${progressTable} SET after = $2, copied = copied + $3 WHERE name = $1 AND copied = $4`,
          [table.name, JSON.stringify(after), batch.length, place.rows],
        );
        if (count === 0) throw anotherMove(database.url.shown);
        await query(session, insertText(table), values);
      });
      places.set(table.name, { after, rows: place.rows + batch.length });
    },
    async putWebhooks(webhooks) {
      await inTransaction(database, async (session) => {
        await session.runText('DELETE FROM webhooks');
        await query(
          session,
          `INSERT INTO webhooks (id, run_id, entry, version)
            SELECT id, run_id, entry, number FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (id, run_id, entry, number)`,
          [
            webhooks.map(({ id }) => id),
            webhooks.map(({ runId }) => runId),
            webhooks.map(({ entry }) => encodeText(entry)),
          ],
        );
        await raiseTopic(session, 'webhooks', webhooks.length);
      });
    },
    async putTriggers(triggers) {
      await inTransaction(database, async (session) => {
        await session.runText('DELETE FROM triggers');
        await query(
          session,
          `INSERT INTO triggers (id, entry, version)
            SELECT id, entry, number FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (id, entry, number)`,
          [triggers.map(({ id }) => id), triggers.map(({ entry }) => encodeText(entry))],
        );
        await raiseTopic(session, 'triggers', triggers.length);
      });
    },
    count: ({ name }) => numberOf(`SELECT count(*) AS value FROM ${name}`),
    pendingDeliveries: () => numberOf("SELECT count(*) AS value FROM deliveries WHERE status = 'pending'"),
    async finish(lastSequence) {
      await inTransaction(database, (session) => session.runText('ANALYZE'));
      await inTransaction(database, async (session) => {
        await query(session, 'UPDATE log_head SET last = $1', [lastSequence]);
        await session.runText(`DROP TABLE ${progressTable}`);
      });
    },
    close: () => database.close(),
  };
}

/** The next change of an entry gets a greater version than those that were written. */
async function raiseTopic(session: Session, topic: string, version: number): Promise<void> {
  await query(
    session,
    'INSERT INTO topics (topic, version) VALUES ($1, $2::bigint) ON CONFLICT (topic) DO UPDATE SET version = greatest(topics.version, $2::bigint)',
    [topic, version],
  );
}

function anotherMove(shown: string): StoreOpenError {
  return new StoreOpenError('in_use', `Another move fills ${shown} now. Wait until it has ended.`);
}

function insertText({ name, columns }: MovedTable): string {
  const names = Object.keys(columns).join(', ');
  const arrays = Object.values(columns).map(
    (type, index) => `$${index + 1}::${type === 'bytes' ? 'text' : type}[]`,
  );
  const values = Object.entries(columns).map(([column, type]) =>
    type === 'bytes' ? `decode(${column}, 'base64')` : column,
  );
  return `INSERT INTO ${name} (${names}) SELECT ${values.join(', ')} FROM unnest(${arrays.join(', ')}) AS r (${names})`;
}

type Query = ReturnType<Session['run']>;

/** The statements differ by table, so each is prepared under its own text. */
function query(session: Session, text: string, values: readonly unknown[] = []): Query {
  return session.run({ name: '', text }, values);
}

async function inTransaction<T>(database: Database, work: (session: Session) => Promise<T>): Promise<T> {
  try {
    return await run({ database, pool: 'others', guard: undefined }, work);
  } catch (error) {
    // The outcome of its COMMIT may be unknown: the next run reads how far the move has come.
    throw isConnectionLost(error) ? lostConnection(database.url.shown, error) : error;
  }
}

function lostConnection(shown: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `The connection to ${shown} was lost (${why}). Run the same command again: it continues where it stopped.`,
    { cause },
  );
}
