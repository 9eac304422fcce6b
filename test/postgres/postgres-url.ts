// A fresh database for a test, on a server that all files of a worker share.

import { onTestFinished } from 'vitest';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';

let shared: Promise<PostgresServer> | undefined;
let databases = 0;

/** The server that the tests of this worker share. Its settings are those of a fresh installation. */
export function startPostgres(): Promise<PostgresServer> {
  shared ??= startPostgresServer();
  return shared;
}

/** The URL of a new, empty database. It is dropped when the test ends. */
export async function postgresUrl(): Promise<string> {
  const server = await startPostgres();
  const name = `test_${++databases}`;
  await server.query(`CREATE DATABASE ${name}`);
  onTestFinished(() => server.query(`DROP DATABASE ${name} WITH (FORCE)`).then(() => undefined));
  return server.url(name);
}
