// Reads and pruning of files.

import type { FileStore } from '../file-store.ts';
import { toFileFacts, toFileRow } from '../rows.ts';
import { composed } from './composed.ts';
import type { Database, Row } from './database.ts';
import { throwStorageError } from './postgres-errors.ts';
import { inTransaction, type WriteGuard } from './transaction.ts';

const facts = 'id, name, media_type, size, sha256, created_at';

export function createFileStore({
  database,
  guard,
}: {
  readonly database: Database;
  readonly guard: () => WriteGuard | undefined;
}): FileStore {
  const one = async (text: string, values: readonly unknown[] = []): Promise<Row | undefined> =>
    (await database.read(composed(text), values)).rows[0];

  return {
    async find(id) {
      const row = await one(`SELECT ${facts} FROM files WHERE id = $1`, [id]);
      return row === undefined ? undefined : toFileFacts(row);
    },
    async read(id) {
      const row = await one(`SELECT ${facts}, encode(data, 'base64') AS data FROM files WHERE id = $1`, [id]);
      return row === undefined
        ? undefined
        : toFileRow({ ...row, data: Buffer.from(row.data as string, 'base64') });
    },
    async totalSize() {
      return Number((await one('SELECT coalesce(sum(size), 0)::float8 AS value FROM files'))?.value ?? 0);
    },
    async prune(before, max) {
      const text =
        'DELETE FROM files WHERE id IN (SELECT id FROM files WHERE created_at < $1 ORDER BY created_at LIMIT $2)';
      const { count } = await inTransaction({ database, pool: 'others', guard: guard() }, (session) =>
        session.run(composed(text), [before, max]),
      ).catch(throwStorageError);
      return count;
    },
  };
}
