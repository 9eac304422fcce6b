// Looks at a PostgreSQL database as a node would use it, without changing it.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { createDatabase } from './database.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { progressTable } from './migrations.ts';
import { toOpenError } from './open-database.ts';

export interface InspectedDatabase {
  readonly shown: string;
  /** Of the server: 180004 is 18.4. */
  readonly version: number;
  readonly versionText: string;
  readonly encoding: string;
  /** Such as a replica. Those refuse LISTEN, so `receivesNotifications` is undefined. */
  readonly isReadOnly: boolean;
  /** `codebuddy migrate` has not finished, and no node may start. */
  readonly isBeingFilled: boolean;
  /** Settings that are off, so that a crash of the server can lose acknowledged events. */
  readonly unsafeSettings: readonly string[];
  /** Whether a notification arrives. Poolers that change connections drop it. */
  readonly receivesNotifications: boolean | undefined;
  /** Whether the connection stays the same between two transactions. */
  readonly keepsConnection: boolean;
  /** The privileges that the user lacks. */
  readonly missingPrivileges: readonly string[];
  /** The clock of the server minus that of this machine, in ms, and how exactly that is known. */
  readonly clockDifferenceMs: number;
  readonly clockErrorMs: number;
  /** Connections that the server has left for this user and database. */
  readonly freeConnections: number;
  /** Connections that a node needs. */
  readonly neededConnections: number;
  /** The last sequence number; undefined before the first start of a node. */
  readonly lastEvent: number | undefined;
}

const factsText = `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text,
  current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS read_only,
  current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes, to_regclass('log_head') IS NOT NULL AS has_tables,
  to_regclass('${progressTable}') IS NOT NULL AS is_being_filled`;

const connectionsText = `SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    (SELECT CASE rolconnlimit WHEN -1 THEN NULL ELSE rolconnlimit END FROM pg_roles WHERE rolname = current_user)
      - (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user),
    (SELECT CASE datconnlimit WHEN -1 THEN NULL ELSE datconnlimit END FROM pg_database WHERE datname = current_database())
      - (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
  )::int AS free`;

/** A new database needs CREATE; later, every table must be usable. */
const privilegesText = `SELECT 'CREATE on the schema ' || coalesce(current_schema(), '(none in search_path)') AS missing
    WHERE NOT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
  UNION ALL SELECT privilege || ' on ' || tablename FROM pg_tables, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
    WHERE schemaname = current_schema() AND tablename = ANY($1::text[])
      AND NOT has_table_privilege(format('%I.%I', schemaname, tablename), privilege)`;
const checkedTables = ['log_head', 'events', 'sessions', 'runs', 'deliveries', 'nodes', 'webhooks'];

/** @throws StoreOpenError if it cannot be reached */
export async function inspectDatabase(url: string): Promise<InspectedDatabase> {
  const database = createDatabase({ url: parseDatabaseUrl(url), connectTimeoutMs: 5000 });
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = await database.connect();
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };
  const first = async (client: pg.Client, text: string): Promise<Readonly<Record<string, unknown>>> =>
    (await client.query<Readonly<Record<string, unknown>>>(text)).rows[0] ?? {};
  try {
    const client = await connect();
    const other = await connect();
    const facts = await first(client, factsText);
    const isReadOnly = facts.read_only === 'on';
    const sentAt = Date.now();
    const { now } = await first(client, 'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now');
    const tripMs = Date.now() - sentAt;
    const privileges = await client.query<{ missing: string }>(privilegesText, [checkedTables]);
    const { free } = await first(client, connectionsText);
    const { last } = facts.has_tables === true ? await first(client, 'SELECT last FROM log_head') : {};
    return {
      shown: database.url.shown,
      version: Number(facts.version),
      versionText: String(facts.version_text),
      encoding: String(facts.encoding),
      isReadOnly,
      isBeingFilled: facts.is_being_filled === true,
      unsafeSettings: ['synchronous_commit', 'fsync', 'full_page_writes'].filter(
        (name) => facts[name] === 'off',
      ),
      receivesNotifications: isReadOnly ? undefined : await receives(client, other),
      keepsConnection: await keepsConnection(client, other),
      missingPrivileges: privileges.rows.map(({ missing }) => missing),
      clockDifferenceMs: Math.round(Number(now) - (sentAt + tripMs / 2)),
      clockErrorMs: Math.ceil(tripMs / 2),
      // Those of this check are given back.
      freeConnections: Number(free) + clients.length,
      neededConnections: database.url.maxConnections + 1,
      lastEvent: last === undefined ? undefined : Number(last),
    };
  } catch (error) {
    throw toOpenError(database.url.shown, error);
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await database.close();
  }
}

async function receives(listener: pg.Client, sender: pg.Client): Promise<boolean> {
  const channel = `codebuddy_doctor_${randomUUID().replaceAll('-', '')}`;
  let isHeard = false;
  listener.on('notification', (message) => {
    isHeard ||= message.channel === channel;
  });
  await listener.query(`LISTEN ${channel}`);
  await sender.query('SELECT pg_notify($1, $2)', [channel, '']);
  // PostgreSQL sends pending notifications before it ends its next answer, however busy it is.
  await listener.query('SELECT 1');
  return isHeard;
}

/** A pooler in transaction mode gives a freed connection to the next client. */
async function keepsConnection(client: pg.Client, other: pg.Client): Promise<boolean> {
  const pidOf = async (of: pg.Client): Promise<unknown> =>
    (await of.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
  const [before, between, after] = [await pidOf(client), await pidOf(other), await pidOf(client)];
  return before === after && before !== between;
}
