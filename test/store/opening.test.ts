// Opening a database: ownership, refusals in one line, and files left by a killed process.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { migrate, readVersion, schemaVersion } from '../../src/store/sqlite/migrations.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { startHolder } from './holder.ts';
import { newEvent, openStore, temporaryFolder, temporaryPath } from './temporary-store.ts';

test('only the owner may read the files, with any umask and old mode', async () => {
  const path = temporaryPath();
  writeFileSync(path, '', { mode: 0o644 });
  const before = process.umask(0);
  try {
    const store = await openStore(path);
    await store.write([newEvent()]);
    for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}.owner`]) {
      expect(statSync(file).mode & 0o777, file).toBe(0o600);
    }
  } finally {
    process.umask(before);
  }
});

test('the write-ahead log is on', async () => {
  const path = temporaryPath();
  const store = await openStore(path);
  await store.write([newEvent()]);
  expect(existsSync(`${path}-wal`)).toBe(true);
  const probe = new DatabaseSync(path, { readOnly: true });
  try {
    expect(probe.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(readVersion(probe)).toBe(schemaVersion);
  } finally {
    probe.close();
  }
});

test('every commit is followed by an fsync', ({ skip }) => {
  const path = temporaryPath();
  const script = `
    import { openSqliteStore } from ${JSON.stringify(new URL('../../src/store/sqlite/sqlite-store.ts', import.meta.url).href)};
    const store = await openSqliteStore({ path: ${JSON.stringify(path)} });
    console.log('open');
    for (let n = 0; n < 10; n++) await store.probe();
  `;
  let trace = '';
  try {
    const output = `${path}.trace`;
    const node = [process.execPath, '--input-type=module', '-e', script];
    execFileSync('strace', ['-f', '-e', 'trace=fsync,fdatasync', '-o', output, ...node]);
    trace = readFileSync(output, 'utf8');
  } catch {
    skip('strace cannot be used here');
  }
  expect(trace.match(/f(data)?sync\(/g)?.length ?? 0).toBeGreaterThanOrEqual(10);
});

test('a second process is refused in one line that names the first, until the first is killed', async () => {
  const path = temporaryPath();
  const first = await startHolder(path);
  expect(first.answer).toBe('open');

  const second = await startHolder(path);
  expect(second.answer).toContain(`refused ${path} is in use by process ${first.pid} since 20`);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({
    name: 'StoreOpenError',
    reason: 'in_use',
    message: expect.not.stringContaining('\n'),
  });

  await first.kill();
  // The owner file of a dead process does not lock the database.
  expect(readFileSync(`${path}.owner`, 'utf8')).toContain(`"pid":${first.pid}`);
  const store = await openStore(path);
  expect(readFileSync(`${path}.owner`, 'utf8')).toContain(`"pid":${process.pid}`);
  await store.close();
  expect(existsSync(`${path}.owner`)).toBe(false);
});

test('the same process cannot open it twice, but again after close', async () => {
  const path = temporaryPath();
  const store = await openStore(path);
  await expect(openSqliteStore({ path })).rejects.toThrow(`by process ${process.pid} (this process)`);
  expect(await store.write([newEvent()])).toEqual([1]);
  await store.close();
  const again = await openStore(path);
  expect(await again.write([newEvent()])).toEqual([2]);
});

test('a damaged owner file does not prevent the refusal', async () => {
  const path = temporaryPath();
  await openStore(path);
  for (const nonsense of ['', 'null', '[]', '{"pid":1}', '\u0000']) {
    writeFileSync(`${path}.owner`, nonsense);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      reason: 'in_use',
      message: expect.stringContaining('by another process'),
    });
  }
});

test('an owner file that cannot be written or removed prevents neither opening nor closing', async () => {
  const path = temporaryPath();
  mkdirSync(`${path}.owner`);
  const store = await openStore(path);
  await store.close();
  const again = await openStore(path);
  expect(await again.write([newEvent()])).toEqual([1]);
});

test('a refused second open does not release the locks of the first', async () => {
  // Closing any descriptor of the database file would drop the process's POSIX locks on it; another program (a backup)
  // that opens and closes the database would then think itself the last one and delete the log under the running
  // server.
  const path = temporaryPath();
  const store = await openStore(path);
  await store.write([newEvent()]);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({ reason: 'in_use' });
  const backup = `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(${JSON.stringify(path)});
    database.prepare('SELECT count(*) FROM events').get();
    database.close();
  `;
  execFileSync(process.execPath, ['-e', backup], { stdio: ['ignore', 'ignore', 'inherit'] });
  expect(existsSync(`${path}-wal`)).toBe(true);
  await store.write([newEvent()]);
  await store.close();
  expect(await (await openStore(path)).eventBounds()).toEqual({ first: 1, last: 2 });
});

test('a database of a newer release is refused in one line and not changed', async () => {
  const path = temporaryPath();
  await (await openStore(path)).close();
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
  database.close();
  const before = readFileSync(path);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({
    reason: 'newer_version',
    message: `${path} was written by a newer release (schema ${schemaVersion + 1}; this one knows up to ${schemaVersion}). Update codebuddy-api.`,
  });
  expect(readFileSync(path).equals(before)).toBe(true);
  // The refusal released the lock.
  expect((await startHolder(path)).answer).toContain('newer release');
});

test.each([
  ['a few bytes', Buffer.from('hello')],
  ['a page of noise', Buffer.alloc(8192, 'noise')],
  ['a good header and then noise', undefined],
])('%s in place of a database is refused as corrupt', async (_what, content) => {
  const path = temporaryPath();
  let bytes = content;
  if (bytes === undefined) {
    await (await openStore(path)).close();
    bytes = Buffer.concat([readFileSync(path).subarray(0, 100), Buffer.alloc(60_000, 0xa5)]);
  }
  writeFileSync(path, bytes);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({
    reason: 'corrupt',
    message: expect.stringContaining('Move it away'),
  });
  expect(readFileSync(path).equals(bytes)).toBe(true);
});

test('a database of another program is refused and not changed', async () => {
  for (const version of [0, schemaVersion]) {
    const path = temporaryPath();
    const foreign = new DatabaseSync(path);
    foreign.exec(`CREATE TABLE recipes (name TEXT); PRAGMA user_version = ${version}`);
    foreign.close();
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ reason: 'corrupt' });
    const after = new DatabaseSync(path);
    expect(after.prepare('SELECT name FROM sqlite_master').all()).toEqual([{ name: 'recipes' }]);
    after.close();
  }
});

test('a path that cannot be written is refused in one line', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'folder'));
  for (const path of [join(folder, 'none', 'codebuddy.db'), join(folder, 'folder')]) {
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      name: 'StoreOpenError',
      reason: 'unwritable',
      message: expect.not.stringContaining('\n'),
    });
  }
});

test('a failed migration changes neither version nor schema; the next start finishes it', async () => {
  const path = temporaryPath();
  const database = new DatabaseSync(path);
  // The last statement of the step fails, so all before it must be undone.
  database.exec('CREATE TABLE probe (other TEXT)');
  expect(() => migrate(database)).toThrow();
  expect(database.isTransaction).toBe(false);
  expect(readVersion(database)).toBe(0);
  database.exec('DROP TABLE probe');
  expect(database.prepare('SELECT count(*) AS count FROM sqlite_master').get()).toEqual({ count: 0 });
  migrate(database);
  expect(readVersion(database)).toBe(schemaVersion);
  migrate(database);
  database.close();
  expect(await (await openStore(path)).eventBounds()).toEqual({ first: 1, last: 0 });
});

test('a database of an older release is migrated step by step with its content', () => {
  const database = new DatabaseSync(':memory:');
  const steps = ['CREATE TABLE a (x)', 'INSERT INTO a VALUES (1)', 'INSERT INTO a SELECT x + 1 FROM a'];
  migrate(database, steps.slice(0, 2));
  expect(readVersion(database)).toBe(2);
  migrate(database, steps);
  expect(readVersion(database)).toBe(3);
  expect(database.prepare('SELECT x FROM a').all()).toEqual([{ x: 1 }, { x: 2 }]);
  expect(() => migrate(database, [...steps, 'CREATE TABLE b (x); NONSENSE', 'CREATE TABLE c (x)'])).toThrow();
  expect(readVersion(database)).toBe(3);
  expect(database.prepare("SELECT name FROM sqlite_schema WHERE name IN ('b', 'c')").all()).toEqual([]);
  database.close();
});
