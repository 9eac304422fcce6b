// Reads and pruning of file changes, contents and undos.

import type { FileHistoryStore } from '../file-history.ts';
import { toFileChangeRow, toFileImageRow, toUndoRow } from '../rows.ts';
import { composed } from './composed.ts';
import type { Database, Row } from './database.ts';
import { throwStorageError } from './postgres-errors.ts';
import { inTransaction, type WriteGuard } from './transaction.ts';

export function createFileHistory({
  database,
  guard,
}: {
  readonly database: Database;
  readonly guard: () => WriteGuard | undefined;
}): FileHistoryStore {
  const read = async (text: string, values: readonly unknown[]): Promise<readonly Row[]> =>
    (await database.read(composed(text), values)).rows;
  const change = async (text: string, values: readonly unknown[]): Promise<number> => {
    const { count } = await inTransaction({ database, pool: 'others', guard: guard() }, (session) =>
      session.run(composed(text), values),
    ).catch(throwStorageError);
    return count;
  };

  return {
    async listChanges(sessionId, { limit, afterId = '' }) {
      const text =
        'SELECT * FROM file_changes WHERE session_id = $1 AND id > $2 AND undo_id IS NULL ORDER BY id LIMIT $3';
      return (await read(text, [sessionId, afterId, limit])).map(toFileChangeRow);
    },
    async getImage(hash) {
      const [row] = await read('SELECT hash, content, used_at FROM file_images WHERE hash = $1', [hash]);
      return row === undefined ? undefined : toFileImageRow(row);
    },
    async knownImages(hashes) {
      const rows = await read('SELECT hash FROM file_images WHERE hash = ANY($1::text[])', [hashes]);
      return new Set(rows.map(({ hash }) => hash as string));
    },
    async listUndos(sessionId) {
      const text = 'SELECT * FROM undos WHERE session_id = $1 ORDER BY id DESC';
      return (await read(text, [sessionId])).map(toUndoRow);
    },
    async prune({ before, maxBytes, max }) {
      const images = await change(
        `DELETE FROM file_images WHERE hash IN (
          SELECT hash FROM file_images WHERE used_at < $1 ORDER BY used_at LIMIT $2)`,
        [before, max],
      );
      // The newest contents that fit are kept.
      const trimmed = await change(
        `DELETE FROM file_images WHERE hash IN (
          SELECT hash FROM (SELECT hash, sum(bytes) OVER (ORDER BY used_at DESC, hash DESC) AS total FROM file_images) AS f
          WHERE total > $1 LIMIT $2)`,
        [maxBytes, max],
      );
      const changes = await change(
        `DELETE FROM file_changes WHERE id IN (
          SELECT id FROM (SELECT id, created_at FROM file_changes ORDER BY id LIMIT $2) AS front WHERE created_at < $1)`,
        [before, max],
      );
      return images + trimmed + changes;
    },
  };
}
