// Full and failing disks: writes fail with the right code, no acknowledged event is lost, and writes work again without
// a restart.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { newEvent, openStore, temporaryFolder, temporaryPath } from './temporary-store.ts';

/** A file system of 2 MiB; undefined if this user may not mount one. */
function smallDisk(): string | undefined {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
  return folder;
}

function fill(disk: string, leaveBytes = 0): string {
  const ballast = join(disk, 'ballast');
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
  return ballast;
}

test('a full disk fails with storage_full, loses no acknowledged event, and works again once there is space', async ({
  skip,
}) => {
  const disk = smallDisk();
  if (disk === undefined) return skip('this user may not mount a tmpfs');
  const path = join(disk, 'codebuddy.db');
  const store = await openStore(path);
  const ballast = fill(disk, 600_000);

  const acknowledged = new Map<number, string>();
  let refusal: unknown;
  for (let n = 0; refusal === undefined && n < 1000; n++) {
    const event = newEvent({ data: JSON.stringify({ n, fill: 'x'.repeat(3000) }) });
    try {
      const [sequence] = await store.write([event]);
      acknowledged.set(sequence as number, event.event.id);
    } catch (error) {
      refusal = error;
    }
  }
  expect(refusal).toMatchObject({ code: 'storage_full', status: 507 });
  expect(acknowledged.size).toBeGreaterThan(10);
  const large = newEvent({ data: JSON.stringify('x'.repeat(100_000)) });
  const group = await Promise.allSettled([store.write([large]), store.write([large, newEvent()])]);
  for (const result of group) expect(result).toMatchObject({ reason: { code: 'storage_full' } });

  const kept = async (): Promise<Map<number, string>> =>
    new Map((await store.readEvents({ limit: 5000 })).map(({ sequence, id }) => [sequence, id]));
  expect(await kept()).toEqual(acknowledged);

  rmSync(ballast);
  const [next] = await store.write([newEvent({ id: 'evt_after' })]);
  expect(next).toBe(Math.max(...acknowledged.keys()) + 1);
  await store.probe();
  acknowledged.set(next as number, 'evt_after');
  await store.close();

  const reopened = await openStore(path);
  const rows = await reopened.readEvents({ limit: 5000 });
  expect(new Map(rows.map(({ sequence, id }) => [sequence, id]))).toEqual(acknowledged);
});

test('a start on a full disk fails in one line and releases the database', async ({ skip }) => {
  const disk = smallDisk();
  if (disk === undefined) return skip('this user may not mount a tmpfs');
  const path = join(disk, 'codebuddy.db');
  const ballast = fill(disk);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({
    name: 'StoreOpenError',
    reason: 'unwritable',
    message: expect.not.stringContaining('\n'),
  });
  rmSync(ballast);
  const store = await openStore(path);
  expect(await store.write([newEvent()])).toEqual([1]);
});

test('a start on a read-only disk fails in one line', async ({ skip }) => {
  const disk = smallDisk();
  if (disk === undefined) return skip('this user may not mount a tmpfs');
  const path = join(disk, 'codebuddy.db');
  await (await openStore(path)).close();
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  await expect(openSqliteStore({ path })).rejects.toMatchObject({
    reason: 'unwritable',
    message: expect.not.stringContaining('\n'),
  });
  execFileSync('mount', ['-o', 'remount,rw', disk]);
  const store = await openStore(path);
  expect(await store.write([newEvent()])).toEqual([1]);
});

// A disk with a file open for writing cannot be remounted read-only. An immutable file refuses writes in the same way.
test('a disk that refuses writes fails with storage_unavailable, allows reads, and recovers', async ({
  skip,
}) => {
  const path = temporaryPath();
  const store = await openStore(path);
  await store.write([newEvent({ id: 'evt_before' })]);
  const setImmutable = (flag: '+i' | '-i') =>
    execFileSync('chattr', [flag, path, `${path}-wal`], { stdio: 'ignore' });
  try {
    setImmutable('+i');
  } catch {
    return skip('this user or file system cannot make a file immutable');
  }
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(store.write([newEvent()])).rejects.toMatchObject({ code: 'storage_unavailable' });
      await expect(store.probe()).rejects.toMatchObject({ code: 'storage_unavailable' });
    }
    expect((await store.getEvent('evt_before'))?.sequence).toBe(1);
  } finally {
    setImmutable('-i');
  }
  await store.probe();
  expect(await store.write([newEvent()])).toEqual([2]);
  await store.close();
  expect(await (await openStore(path)).eventBounds()).toEqual({ first: 1, last: 2 });
});

test('a logger that throws or rejects does not prevent commits', async () => {
  const path = temporaryPath();
  const told: string[] = [];
  const store = await openSqliteStore({
    path,
    busyTimeoutMs: 50,
    logger: {
      warn(_fields, message) {
        told.push(message);
        if (told.length === 1) throw new Error('the logger is closed');
        return Promise.reject(new Error('the logger is closed')) as unknown as undefined;
      },
    },
  });
  onTestFinished(() => store.close());
  await store.write([newEvent()]);
  const other = new DatabaseSync(path);
  onTestFinished(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  await expect(store.write([newEvent()])).rejects.toMatchObject({ code: 'storage_unavailable' });
  other.exec('COMMIT');
  expect(await store.write([newEvent()])).toEqual([2]);
  expect(await store.write([newEvent()])).toEqual([3]);
  expect(told).toHaveLength(2);
});
