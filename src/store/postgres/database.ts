// The connections to the database: two pools, one connection for grouped writes and the others for everything else, so
// that reads never keep a commit waiting. Connections are made again when they break; the log says when the database
// went away and when it is back.

import pg from 'pg';
import { callHost } from '../../base/call-host.ts';
import type { StoreLogger } from '../store-logger.ts';
import { StoreOpenError } from '../store-open-error.ts';
import { storeIsClosed } from '../write-queue.ts';
import type { DatabaseUrl } from './database-url.ts';
import { destroyConnection } from './destroy-connection.ts';
import {
  isBusyServer,
  isConnectionLost,
  isPoolExhausted,
  markWithoutConnection,
  mayTryAgain,
  sqlState,
  toStorageError,
  unavailable,
} from './postgres-errors.ts';
import { decodeText, encodeText } from './text-encoding.ts';

export type Row = Readonly<Record<string, unknown>>;

/** A statement by name. It is prepared once per connection, so a name always has the same text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Whether its rows are arrays, which cost less than objects. @default false */
  readonly arrays?: boolean;
}

export interface Result {
  readonly rows: readonly Row[];
  /** Rows that were changed or read. */
  readonly count: number;
}

/** Statements on one connection. They are sent at once and answered in their order. */
export interface Session {
  run(statement: Statement, values?: readonly unknown[]): Promise<Result>;
  /** Statements without values, separated by semicolons. */
  runText(text: string): Promise<void>;
  /** One statement without values that is not prepared, for a connection that may be shared. */
  readText(text: string): Promise<readonly Row[]>;
}

/** `writer`: the one connection for grouped writes. `others`: the rest. */
export type PoolName = 'writer' | 'others';

export interface Database {
  readonly url: DatabaseUrl;
  /** Begins a transaction. The timeouts are set again, for a pooler that changes connections in between. */
  readonly beginText: string;
  /** Use a connection. It is thrown away if it is lost or `work` fails in a transaction. Errors are not converted. */
  use<T>(pool: PoolName, work: (session: Session) => Promise<T>): Promise<T>;
  /** Run one statement that changes nothing. @throws CodeBuddyError as `Store.write` */
  read(statement: Statement, values?: readonly unknown[]): Promise<Result>;
  /** Open a connection outside the pools, for example to listen. The caller ends it. */
  connect(): Promise<pg.Client>;
  /** Wait for the statements that run, then close all connections. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly url: DatabaseUrl;
  readonly logger?: StoreLogger | undefined;
  /** Longest statement, and longest pause in a transaction. @default 10 000 */
  readonly statementTimeoutMs?: number | undefined;
  /** Longest wait for a connection: the server is busy or starting, or all connections are in use. @default 3000 */
  readonly connectTimeoutMs?: number | undefined;
}

const applicationName = 'codebuddy';
/** Between two tries to get a connection of a server that has none to give. */
const busyPauseMs = 100;
/** The server ends a statement first, unless it cannot be reached: then the connection is given up this much later. */
const networkFactor = 1.2;

/** bigint as a number: times, sequences and counts stay far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === pg.types.builtins.INT8) return Number;
    if (oid === pg.types.builtins.TEXT) return decodeText;
    return pg.types.getTypeParser(oid, format);
  }) as typeof pg.types.getTypeParser,
};

export function createDatabase({
  url,
  logger,
  statementTimeoutMs = 10_000,
  connectTimeoutMs = 3000,
}: DatabaseOptions): Database {
  const config: pg.ClientConfig = {
    connectionString: url.connectionString,
    application_name: applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs * networkFactor,
    pipeline: true,
    types,
  };
  // Not startup parameters: poolers refuse those.
  const set = (scope: 'SESSION' | 'LOCAL'): string =>
    `SET ${scope} statement_timeout = ${statementTimeoutMs}; SET ${scope} idle_in_transaction_session_timeout = ${statementTimeoutMs}`;
  // A plan for any values may be far from the best one for a page of the log.
  const settings = `${set('SESSION')}; SET SESSION plan_cache_mode = force_custom_plan`;
  const onConnect = async (client: pg.ClientBase): Promise<void> => {
    // Several statements have several results, which the types do not know.
    const results: unknown = await client.query(`${settings}; SELECT pg_is_in_recovery() AS standby`);
    const last: unknown = Array.isArray(results) ? results.at(-1) : results;
    // A standby may be behind, so not even reads use it. After a failover it may be the primary server soon.
    if ((last as pg.QueryResult<{ standby: boolean }>).rows[0]?.standby === true)
      throw new StoreOpenError(
        'unwritable',
        `${url.shown} is read-only, because it is a standby. Use the primary server.`,
      );
  };
  const createPool = (max: number): pg.Pool => {
    // A quiet process keeps its connections for a while: making one takes milliseconds.
    const pool = new pg.Pool({ ...config, max, onConnect, idleTimeoutMillis: 60_000, allowExitOnIdle: true });
    // An idle connection broke. The next use makes another one.
    pool.on('error', (error) => tellOf(pool, error));
    return pool;
  };
  const createPools = (): Readonly<Record<PoolName, pg.Pool>> => ({
    writer: createPool(1),
    others: createPool(url.maxConnections - 1),
  });
  let pools = createPools();
  /** Why the database cannot be reached. */
  let away: { readonly failure: unknown } | undefined;
  /** Pools that got no connection from a busy server in time. Until they get one, callers try once and do not wait. */
  const busy = new WeakSet<pg.Pool>();
  /** Whether a caller is trying to reach it. */
  let isProbed = false;
  let closing: Promise<void> | undefined;

  /** Called for each use of the database, with the error if it cannot be reached. */
  function tell(failure?: unknown): void {
    if ((away === undefined) === (failure === undefined) || closing !== undefined) return;
    away = failure === undefined ? undefined : { failure };
    if (failure !== undefined) {
      // Other connections may be broken too, without knowing it.
      const broken = pools;
      pools = createPools();
      for (const pool of Object.values(broken)) pool.end().catch(() => undefined);
    }
    callHost(() => {
      const fields = { database: url.shown };
      if (failure === undefined) logger?.warn(fields, 'the database is back');
      else logger?.warn({ err: failure, ...fields }, 'the database cannot be reached; it is tried again');
    });
  }

  /** If a pool was given up meanwhile, its connections say nothing about the database now. */
  function tellOf(pool: pg.Pool, failure?: unknown): void {
    if (Object.values(pools).includes(pool)) tell(failure);
  }

  /** While the database is away, one caller waits for it and the others fail at once. */
  async function take(pool: pg.Pool): Promise<pg.PoolClient> {
    if (closing !== undefined) throw storeIsClosed();
    if (away === undefined) return await connect(pool);
    if (isProbed) throw away.failure;
    isProbed = true;
    try {
      return await connect(pool);
    } finally {
      isProbed = false;
    }
  }

  /** Waits for a server that has too many connections, or is starting. */
  async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
    const giveUpAt = performance.now() + (busy.has(pool) ? 0 : connectTimeoutMs);
    for (;;) {
      try {
        const client = await pool.connect();
        busy.delete(pool);
        return client;
      } catch (error) {
        if (isPoolExhausted(error)) throw unavailable('All connections to the database are in use.', error);
        if (!isBusyServer(error)) throw error;
        if (performance.now() >= giveUpAt) {
          busy.add(pool);
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, busyPauseMs));
        if (closing !== undefined) throw storeIsClosed();
      }
    }
  }

  async function use<T>(name: PoolName, work: (session: Session) => Promise<T>): Promise<T> {
    const pool = pools[name];
    let client: pg.PoolClient;
    try {
      client = await take(pool);
    } catch (error) {
      if (isConnectionLost(error)) tellOf(pool, error);
      markWithoutConnection(error);
      throw error;
    }
    // The statement that runs gets the error too; without a listener it would end the process.
    const onError = (): void => undefined;
    client.on('error', onError);
    try {
      const result = await work(sessionOf(client, url.prepare));
      client.off('error', onError);
      client.release();
      tellOf(pool);
      return result;
    } catch (error) {
      client.off('error', onError);
      if (isConnectionLost(error)) {
        // It may have statements under way, which would keep it from ending.
        destroyConnection(client);
        client.release(true);
        tellOf(pool, error);
      } else {
        client.release(client.getTransactionStatus() !== 'I');
        if (sqlState(error) !== undefined) tellOf(pool);
      }
      throw error;
    }
  }

  async function read(statement: Statement, values?: readonly unknown[]): Promise<Result> {
    const run = (): Promise<Result> => use('others', (session) => session.run(statement, values));
    try {
      // The server may just have been restarted, so an idle connection does not know yet that it is broken.
      return await run().catch((error) => (mayTryAgain(error) ? run() : Promise.reject(error)));
    } catch (error) {
      throw toStorageError(error);
    }
  }

  return {
    url,
    beginText: `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ${set('LOCAL')}`,
    use,
    read,
    async connect() {
      const client = new pg.Client(config);
      await client.connect();
      return client;
    },
    close() {
      closing ??= Promise.all([pools.writer.end(), pools.others.end()]).then(() => undefined);
      return closing;
    },
  };
}

function sessionOf(client: pg.PoolClient, prepare: boolean): Session {
  return {
    async run({ name, text, arrays }, values = []) {
      const query = {
        text,
        values: values.map((value) => (typeof value === 'string' ? encodeText(value) : value)),
        ...(prepare ? { name } : {}),
        ...(arrays === true ? { rowMode: 'array' } : {}),
      };
      const { rows, rowCount } = await client.query<Row>(query);
      return { rows, count: rowCount ?? 0 };
    },
    async runText(text) {
      await client.query(text);
    },
    async readText(text) {
      return (await client.query<Row>(text)).rows;
    },
  };
}
