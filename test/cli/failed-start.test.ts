// A server that cannot start exits immediately with code 1 and a line that names the obstacle.

import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

const session = (details = '{}') =>
  `INSERT INTO sessions (id, title, created_at, updated_at, details) VALUES ('ses_1', 't', 1, 1, '${details}')`;

const damages = [
  {
    table: 'runs',
    id: 'run_1',
    sql: [
      session(),
      `INSERT INTO runs VALUES ('run_1', 'ses_1', 'running', 1, 1, '{"run": {"prompt": "cut o')`,
    ],
  },
  {
    table: 'runs',
    id: 'run_2',
    sql: [session(), `INSERT INTO runs VALUES ('run_2', 'ses_1', 'waiting', 1, 1, 'null')`],
  },
  {
    table: 'keys',
    id: 'key_1',
    sql: [`INSERT INTO keys (id, name, hash, scopes, created_at) VALUES ('key_1', 'ci', 'ab', '["read"', 1)`],
  },
];

test.each(damages)(
  'serve names a damaged row "$id" of table $table and exits with 1',
  async ({ table, id, sql }) => {
    const home = temporaryFolder();
    const server = await serve(home);
    server.child.kill('SIGTERM');
    await server.finished;
    const database = new DatabaseSync(join(home, 'api', 'codebuddy.db'));
    for (const statement of sql) database.exec(statement);
    database.close();
    const { code, stderr } = await run(home, ['serve', '--port', '0']);
    expect(stderr).toContain('codebuddy.db');
    expect(stderr).toContain(`row "${id}" of table "${table}" is damaged`);
    expect(code).toBe(1);
  },
);

test('serve names a full disk that keeps it from marking unfinished runs, and exits with 1', async ({
  skip,
}) => {
  const home = join(temporaryFolder(), 'disk');
  mkdirSync(home);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=700', 'tmpfs', home], { stdio: 'ignore' });
  } catch {
    return skip('this user may not mount a tmpfs');
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', home]);
  });
  const server = await serve(home);
  const client = new CodeBuddyClient({ home });
  for (let n = 0; n < 40; n++)
    await client.runs.start({ prompt: `run sleep 60 # ${n} ${'x'.repeat(10_000)}` });
  client.close();
  server.child.kill('SIGKILL');
  await server.finished;
  // Without an existing write-ahead log, the next commit needs space.
  const database = new DatabaseSync(join(home, 'api', 'codebuddy.db'));
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  const { bavail, bsize } = statfsSync(home);
  // Enough to open the database, too little to mark the runs.
  writeFileSync(join(home, 'ballast'), Buffer.alloc(bavail * bsize - 150_000));
  const { code, stderr } = await run(home, ['serve', '--port', '0']);
  expect(stderr).toMatch(/codebuddy\.db.*disk/i);
  expect(code).toBe(1);
});
