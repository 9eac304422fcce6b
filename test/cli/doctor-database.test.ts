// What `codebuddy doctor` finds in a real PostgreSQL database.

import { expect, onTestFinished, test } from 'vitest';
import { startPostgresServer } from '../postgres/postgres-server.ts';
import { emptyPostgresUrl, startPostgres } from '../postgres/postgres-url.ts';
import { throughTransactionPooler } from '../postgres/transaction-pooler.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

interface Report {
  readonly settings: readonly { readonly name: string; readonly value: unknown; readonly origin: string }[];
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

async function doctor(home: string, url: string): Promise<Report> {
  const { stdout } = await run(home, ['doctor', '--json'], {
    // The default port may be in use on this machine.
    env: { CODEBUDDY_DATABASE_URL: url, CODEBUDDY_PORT: '0' },
  });
  return JSON.parse(stdout) as Report;
}

const names = ['database', 'durability', 'pooler', 'privileges', 'database clock', 'connections'];

test('a good database passes before the first start and while a node runs, and its password is hidden', async () => {
  const url = new URL(await emptyPostgresUrl());
  url.password = 'hunter22';
  const home = temporaryFolder();
  const report = await doctor(home, url.href);
  const found = report.checks.filter(({ name }) => names.includes(name));
  expect(found.map(({ name, ok }) => [name, ok])).toEqual(names.map((name) => [name, true]));
  expect(found[0]?.detail).toMatch(
    /^127\.0\.0\.1:\d+\/test_\d+: PostgreSQL \d+\..*, will be set up by the first node$/,
  );
  const setting = report.settings.find(({ name }) => name === 'database');
  expect(setting).toMatchObject({
    origin: 'CODEBUDDY_DATABASE_URL',
    value: expect.stringMatching(/^postgres:\/\/\*\*\*@127/),
  });
  expect(JSON.stringify(report)).not.toContain('hunter22');

  await serve(home, [], { DATABASE_URL: url.href });
  const { checks } = await doctor(home, url.href);
  expect(checks.find(({ name }) => name === 'database')?.detail).toMatch(/events so far$/);
  expect(checks.filter(({ name, ok }) => names.includes(name) && !ok)).toEqual([]);
});

test('missing rights, unsafe settings and too few connections are reported', async () => {
  const server = await startPostgres();
  const url = new URL(await emptyPostgresUrl());
  const name = url.pathname.slice(1);
  await server.query(`CREATE ROLE weak_${name} LOGIN CONNECTION LIMIT 5`);
  await server.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC', name);
  await server.query(`ALTER DATABASE ${name} SET synchronous_commit = off`);
  url.username = `weak_${name}`;
  const { checks } = await doctor(temporaryFolder(), url.href);
  const detailOf = (of: string): unknown => checks.find((check) => check.name === of && !check.ok)?.detail;
  expect(detailOf('durability')).toMatch(/^synchronous_commit is off: a crash/);
  expect(detailOf('privileges')).toBe('the user lacks CREATE on the schema public');
  expect(detailOf('connections')).toMatch(
    /^only [345] free, and a node uses up to 11; raise max_connections/,
  );
});

test('a database that does not answer is one failed check', async () => {
  const { checks } = await doctor(temporaryFolder(), 'postgres://me:hunter22@127.0.0.1:1/db');
  const wrong = checks.filter(({ ok }) => !ok);
  expect(wrong).toEqual([
    {
      name: 'database',
      ok: false,
      detail: expect.stringMatching(/^127\.0\.0\.1:1\/db cannot be opened: .*ECONNREFUSED/),
    },
  ]);
});

test('a standby is one failed check', async () => {
  const server = await startPostgresServer();
  onTestFinished(() => server.remove());
  await server.stop();
  await server.startAsStandby();
  const { checks } = await doctor(temporaryFolder(), server.url('postgres'));
  expect(checks.filter(({ name, ok }) => names.includes(name) || !ok)).toEqual([
    {
      name: 'database',
      ok: false,
      detail: expect.stringMatching(/is read-only, such as a standby; use the primary server$/),
    },
  ]);
});

test('a pooler in transaction mode is reported', async () => {
  const { checks } = await doctor(
    temporaryFolder(),
    await throughTransactionPooler(await emptyPostgresUrl()),
  );
  expect(checks.filter(({ ok }) => !ok)).toEqual([
    {
      name: 'pooler',
      ok: false,
      detail: expect.stringContaining('a pooler in transaction mode is in between'),
    },
  ]);
});
