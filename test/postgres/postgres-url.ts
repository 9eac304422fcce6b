// A fresh database for a test, on a server that all files of a worker share.

import { onTestFinished } from 'vitest';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';

let shared: Promise<PostgresServer> | undefined;
let migrated: Promise<string> | undefined;
let databases = 0;

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

/** The URL of a new, empty database, for tests of the first start. It is dropped when the test ends. */
export function emptyPostgresUrl(): Promise<string> {
  return createDatabase('template1');
}

async function createDatabase(template: string): Promise<string> {
  const server = await startPostgres();
  const name = `test_${++databases}`;
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  onTestFinished(() => server.query(`DROP DATABASE ${name} WITH (FORCE)`).then(() => undefined));
  return server.url(name);
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
