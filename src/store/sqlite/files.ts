// Reads and pruning of files.

import type { FileStore } from '../file-store.ts';
import { toFileFacts, toFileRow } from '../rows.ts';
import type { TriggerStoreOptions } from './triggers.ts';

export function fileStore({ reads, read, call }: TriggerStoreOptions): FileStore {
  return {
    find: (id) =>
      read(() => {
        const row = reads.findFile.get(id);
        return row === undefined ? undefined : toFileFacts(row);
      }),
    read: (id) =>
      read(() => {
        const row = reads.readFile.get(id);
        return row === undefined ? undefined : toFileRow(row);
      }),
    totalSize: () => read(() => Number(reads.totalFileSize.get()?.value ?? 0)),
    prune: (before, max) => call('pruneFiles', before, max),
  };
}
