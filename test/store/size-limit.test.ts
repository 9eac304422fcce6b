// A database with a size limit: the effect of a full disk on a commit, without the right to mount one.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { createGroupCommit } from '../../src/store/sqlite/group-commit.ts';
import { migrate } from '../../src/store/sqlite/migrations.ts';
import { toStorageError } from '../../src/store/sqlite/sqlite-errors.ts';
import { prepareWrites } from '../../src/store/sqlite/statements.ts';
import { encodeWrites } from '../../src/store/sqlite/write-program.ts';
import { createWriteQueue } from '../../src/store/write-queue.ts';
import { newEvent, temporaryFolder } from './temporary-store.ts';

test('a commit over the limit fails with storage_full and one warning; commits work again after the limit is lifted', async () => {
  const folder = temporaryFolder();
  const database = new DatabaseSync(join(folder, 'codebuddy.db'));
  onTestFinished(() => database.close());
  database.exec('PRAGMA journal_mode = WAL');
  migrate(database);
  const heard: string[] = [];
  const commits = createGroupCommit(database, prepareWrites(database));
  const queue = createWriteQueue({
    encode: encodeWrites,
    send(callers) {
      setImmediate(() => {
        try {
          queue.settleCommitted(
            commits
              .commit(callers)
              .map((outcome) => (outcome.kind === 'written' ? outcome.sequences : (outcome.error as Error))),
          );
        } catch (error) {
          queue.settleFailed(toStorageError(error, folder));
        }
      });
    },
    onStorageChange: (failure) => heard.push(failure === undefined ? 'works' : 'fails'),
  });
  const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
  database.exec(`PRAGMA max_page_count = ${pages + 4}`);

  const big = JSON.stringify('x'.repeat(10_000));
  for (let attempt = 0; attempt < 2; attempt++) {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => queue.write([newEvent({ data: big })])),
    );
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'storage_full' } });
    }
  }
  expect(heard).toEqual(['fails']);
  expect(database.isTransaction).toBe(false);
  expect(await queue.write([newEvent()])).toEqual([1]);
  expect(heard).toEqual(['fails', 'works']);

  database.exec('PRAGMA max_page_count = 1073741823');
  expect(await queue.write([newEvent({ data: big })])).toEqual([2]);
  expect(database.prepare('SELECT count(*) AS count FROM events').get()).toEqual({ count: 2 });
});
