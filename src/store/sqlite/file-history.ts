// Reads and pruning of file changes, contents and undos.

import type { FileHistoryStore } from '../file-history.ts';
import { toFileChangeRow, toFileImageRow, toUndoRow } from '../rows.ts';
import type { TriggerStoreOptions } from './triggers.ts';

export function fileHistoryStore({ reads, read, call }: TriggerStoreOptions): FileHistoryStore {
  return {
    listChanges: (sessionId, { limit, afterId = '' }) =>
      read(() => reads.listFileChanges.all(sessionId, afterId, limit).map(toFileChangeRow)),
    getImage: (hash) =>
      read(() => {
        const row = reads.getFileImage.get(hash);
        return row === undefined ? undefined : toFileImageRow(row);
      }),
    knownImages: (hashes) =>
      read(
        () => new Set(reads.knownFileImages.all(JSON.stringify(hashes)).map(({ hash }) => hash as string)),
      ),
    listUndos: (sessionId) => read(() => reads.listUndos.all(sessionId).map(toUndoRow)),
    prune: (limits) => call('pruneFileHistory', limits),
  };
}
