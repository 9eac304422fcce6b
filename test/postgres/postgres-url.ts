// A fresh database for a test, on a server that all files of a worker share.

import { onTestFinished } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { type DatabaseContents, empty, readContents } from './empty-database.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';

let shared: Promise<PostgresServer> | undefined;
let migrated: Promise<string> | undefined;
let databases = 0;
let clean: Promise<DatabaseContents> | undefined;
/** Databases of earlier tests without their rows. */
const free: string[] = [];

/** The server that the tests of this worker share. Its settings are those of a fresh installation. */
export function startPostgres(): Promise<PostgresServer> {
  shared ??= startPostgresServer();
  return shared;
}

/** The URL of a new database that has the tables of this release, and no rows. It is dropped when the test ends. */
export async function postgresUrl(): Promise<string> {
  migrated ??= migrateTemplate();
  return createDatabase(await migrated);
}

/**
 * The same as `postgresUrl`, for tests that change nothing but rows: the database may be one of an earlier test, with
 * its rows removed. To create one takes ten times as long.
 */
export async function reusedPostgresUrl(): Promise<string> {
  const server = await startPostgres();
  migrated ??= migrateTemplate();
  const template = await migrated;
  clean ??= readContents(server, template);
  const contents = await clean;
  const name = free.pop() ?? (await newDatabase(server, template));
  onTestFinished(async () => {
    // Clients of the test that still run must not find it again.
    const next = `test_${++databases}`;
    const isReusable = await server
      .query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`)
      .then(() => server.query(`ALTER DATABASE ${name} RENAME TO ${next}`))
      .then(
        () => empty(server, next, contents),
        () => false,
      );
    if (isReusable) free.push(next);
    else for (const one of [name, next]) await dropDatabase(server, one);
  });
  return server.url(name);
}

/** The URL of a new, empty database, for tests of the first start. It is dropped when the test ends. */
export function emptyPostgresUrl(): Promise<string> {
  return createDatabase('template1');
}

async function createDatabase(template: string): Promise<string> {
  const server = await startPostgres();
  const name = await newDatabase(server, template);
  onTestFinished(() => dropDatabase(server, name));
  return server.url(name);
}

async function newDatabase(server: PostgresServer, template: string): Promise<string> {
  const name = `test_${++databases}`;
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  return name;
}

/** The server waits for its connections to end, but no longer than 5 s. */
async function dropDatabase(server: PostgresServer, name: string): Promise<void> {
  await waitFor(`${name} to be dropped`, () => server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

/** Made once: a copy takes a fraction of the time of the migrations. */
async function migrateTemplate(): Promise<string> {
  const server = await startPostgres();
  const name = 'test_template';
  await server.query(`CREATE DATABASE ${name}`);
  const { openPostgresStore } = await import('../../src/store/postgres/postgres-store.ts');
  const store = await openPostgresStore({ url: server.url(name) });
  await store.close();
  return name;
}
