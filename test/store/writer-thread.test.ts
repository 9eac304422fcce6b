// Writes run on a separate thread: a slow commit delays nothing else, and a process ends when its thread dies.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { startWriterThread } from '../../src/store/sqlite/start-writer-thread.ts';
import { newEvent, openStore, temporaryPath } from './temporary-store.ts';

const storeModule = fileURLToPath(new URL('../../src/store/sqlite/sqlite-store.ts', import.meta.url));

/** Holds the write lock of a database, like a slow disk. */
function holdWriteLock(path: string): { release: () => void } {
  const database = new DatabaseSync(path);
  onTestFinished(() => database.close());
  database.exec('BEGIN IMMEDIATE');
  return { release: () => database.exec('ROLLBACK') };
}

test('reads and timers continue while a commit is slow, and see it once it is acknowledged', async () => {
  const path = temporaryPath();
  const store = await openStore(path);
  await store.write([newEvent({ type: 'before' })]);
  const lock = holdWriteLock(path);
  let isCommitted = false;
  const write = store.write([newEvent({ type: 'during' })]).then(() => {
    isCommitted = true;
  });
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect((await store.readEvents({ limit: 10 })).map(({ type }) => type)).toEqual(['before']);
  }
  expect(isCommitted).toBe(false);
  lock.release();
  await write;
  expect((await store.readEvents({ limit: 10 })).map(({ type }) => type)).toEqual(['before', 'during']);
});

test('writes that come during a slow commit share the next one, in their order', async () => {
  const path = temporaryPath();
  const store = await openStore(path);
  const lock = holdWriteLock(path);
  const writes: Promise<readonly number[]>[] = [];
  for (let turn = 0; turn < 50; turn++) {
    writes.push(store.write([newEvent()]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  lock.release();
  expect((await Promise.all(writes)).flat()).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
});

test('a store that is closed during a slow commit settles what it accepted', async () => {
  const path = temporaryPath();
  const store = await openStore(path);
  const lock = holdWriteLock(path);
  const writes = [store.write([newEvent()]), store.write([newEvent()])];
  const closed = store.close();
  await expect(store.write([newEvent()])).rejects.toMatchObject({ code: 'storage_unavailable' });
  lock.release();
  expect((await Promise.all(writes)).flat()).toEqual([1, 2]);
  await closed;
  const reopened = await openStore(path);
  expect(await reopened.eventBounds()).toEqual({ first: 1, last: 2 });
});

async function runScript(script: string): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '--eval', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { code, stderr };
}

test('a process ends with one clear line when its writer thread dies', async () => {
  const path = temporaryPath();
  const { code, stderr } = await runScript(`
    import { openSqliteStore } from ${JSON.stringify(storeModule)};
    let thread;
    process.on('worker', (worker) => { thread = worker; });
    const store = await openSqliteStore({ path: ${JSON.stringify(path)} });
    await store.write([${JSON.stringify(newEvent())}]);
    await thread.terminate();
    setInterval(() => undefined, 1000);
  `);
  expect(stderr).toContain(`the thread that writes to ${path} died`);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(code).toBe(1);
  const store = await openStore(path);
  expect(await store.eventBounds()).toEqual({ first: 1, last: 1 });
});

test('an open store does not keep an idle process alive, and loses none of its writes', async () => {
  const path = temporaryPath();
  const { code, stderr } = await runScript(`
    import { openSqliteStore } from ${JSON.stringify(storeModule)};
    const store = await openSqliteStore({ path: ${JSON.stringify(path)} });
    void store.write([${JSON.stringify(newEvent())}]);
  `);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const store = await openStore(path);
  expect(await store.eventBounds()).toEqual({ first: 1, last: 1 });
});

test('a thread that was started in advance is used; if it has ended, opening fails', async () => {
  const path = temporaryPath();
  const thread = startWriterThread();
  const store = await openSqliteStore({ path, thread });
  expect(await store.write([newEvent()])).toEqual([1]);
  await store.close();
  const ended = startWriterThread();
  await ended.terminate();
  await expect(openSqliteStore({ path, thread: ended })).rejects.toThrow('it ended before it was used');
});

test('the thread of a closed store serves the next one, also after an opening that failed', async () => {
  const { code, stderr } = await runScript(`
    import { openSqliteStore } from ${JSON.stringify(storeModule)};
    let threads = 0;
    process.on('worker', () => threads++);
    const path = ${JSON.stringify(temporaryPath())};
    await (await openSqliteStore({ path })).close();
    await openSqliteStore({ path: path + '/missing' }).catch(() => undefined);
    const second = await openSqliteStore({ path });
    await second.write([${JSON.stringify(newEvent())}]);
    console.error('one after the other', threads);
    const third = await openSqliteStore({ path: path + '2' });
    await third.write([${JSON.stringify(newEvent())}]);
    console.error('two at the same time', threads);
  `);
  expect(stderr.trim().split('\n')).toEqual(['one after the other 1', 'two at the same time 2']);
  expect(code).toBe(0);
});

test('a thread that no store needs ends soon', async () => {
  const { code, stderr } = await runScript(`
    import { once } from 'node:events';
    import { openSqliteStore } from ${JSON.stringify(storeModule)};
    let thread;
    process.on('worker', (worker) => { thread = worker; });
    const store = await openSqliteStore({ path: ${JSON.stringify(temporaryPath())} });
    await store.close();
    thread.ref();
    await once(thread, 'exit');
    console.error('ended');
  `);
  expect({ code, stderr: stderr.trim() }).toEqual({ code: 0, stderr: 'ended' });
});
