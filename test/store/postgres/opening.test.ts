// Opening a PostgreSQL database: many processes at once, newer and foreign schemas, and clear errors.

import { expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../src/store/postgres/database.ts';
import { parseDatabaseUrl } from '../../../src/store/postgres/database-url.ts';
import { migrate, migrations, schemaVersion } from '../../../src/store/postgres/migrations.ts';
import { openDatabase } from '../../../src/store/postgres/open-database.ts';
import { emptyPostgresUrl, startPostgres } from '../../postgres/postgres-url.ts';
import { throughTransactionPooler } from '../../postgres/transaction-pooler.ts';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';

async function open(url: string): Promise<Database> {
  const { database } = await openDatabase({
    url: parseDatabaseUrl(url),
    connectTimeoutMs: WAIT_LIMIT_MS,
    statementTimeoutMs: WAIT_LIMIT_MS,
  });
  onTestFinished(() => database.close());
  return database;
}

test('ten processes may open an empty database at once', async () => {
  const url = await emptyPostgresUrl();
  const opened = await Promise.all(Array.from({ length: 10 }, () => open(`${url}?max=2`)));
  const versions = await Promise.all(
    opened.map((database) => database.read({ name: 'version', text: 'SELECT version FROM schema_version' })),
  );
  expect(versions.flatMap(({ rows }) => rows)).toEqual(Array(10).fill({ version: schemaVersion }));
});

test('a database of a newer release is refused and left unchanged', async () => {
  const url = await emptyPostgresUrl();
  const database = await open(url);
  await migrate(database, [...migrations, 'CREATE TABLE of_the_future (id text)']);
  await expect(open(url)).rejects.toMatchObject({
    reason: 'newer_version',
    message: expect.stringContaining(`schema ${schemaVersion + 1}; this one knows up to ${schemaVersion}`),
  });
});

test('a migration that fails changes nothing', async () => {
  const url = await emptyPostgresUrl();
  const database = await open(url);
  await expect(
    migrate(database, [...migrations, 'CREATE TABLE halfway (id text); SELECT 1 / 0']),
  ).rejects.toThrow('division by zero');
  const { rows } = await database.read({ name: 'halfway', text: "SELECT to_regclass('halfway') AS found" });
  expect(rows).toEqual([{ found: null }]);
  await migrate(database, [...migrations, 'CREATE TABLE whole (id text)']);
});

test('a database of another program is refused', async () => {
  const url = await emptyPostgresUrl();
  const server = await startPostgres();
  await server.query('CREATE TABLE events (id int)', new URL(url).pathname.slice(1));
  await expect(open(url)).rejects.toMatchObject({ reason: 'corrupt' });
});

test.each(['', '?prepare=false'])('a pooler in transaction mode is refused (%s)', async (parameters) => {
  const url = await throughTransactionPooler(await emptyPostgresUrl());
  for (let start = 1; start <= 2; start++) {
    await expect(open(`${url}${parameters}`)).rejects.toMatchObject({
      reason: 'unsupported',
      message: expect.stringMatching(/reached through a pooler in transaction mode.*session mode\.$/),
    });
  }
});
