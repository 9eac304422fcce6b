// Watches of the operating system. They only give hints where to look. On Linux each folder has its own watch, which is
// the only way to miss nothing in a new folder; elsewhere the system watches the whole tree.

import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { errnoOf } from '../tools/system-errors.ts';

export interface FolderWatch {
  close(): void;
}

export interface FolderWatches {
  /**
   * Watches one folder. Undefined if it is gone, or if another watch includes it. `isReplaced` is called when another
   * folder may be at this path now.
   */
  watch(folder: string, isReplaced: () => void): FolderWatch | undefined;
}

export interface FolderWatchesOptions {
  readonly root: string;
  /** `path`: relative to the root; undefined if hints were lost and everything may have changed. */
  readonly onHint: (path: string | undefined) => void;
  /** Called for a folder that the system does not watch, because its limit is reached. */
  readonly onUnwatched: (folder: string, error: unknown) => void;
  /** @default true on Linux */
  readonly isPerFolder?: boolean;
}

export function createFolderWatches(options: FolderWatchesOptions): FolderWatches {
  const { root, onHint, onUnwatched, isPerFolder = process.platform === 'linux' } = options;
  const maxBurst = readMaxBurst();
  let burst = 0;

  /**
   * The system drops hints silently when its queue is full. That shows as a burst: as many hints in one turn as the
   * queue holds.
   */
  function count(): void {
    if (burst++ === 0)
      setImmediate(() => {
        const isLost = burst >= maxBurst;
        burst = 0;
        if (isLost) onHint(undefined);
      });
  }

  return {
    watch(folder, isReplaced) {
      if (!isPerFolder && folder !== '') return undefined;
      const own = basename(join(root, folder));
      let watcher: FSWatcher;
      try {
        watcher = watch(join(root, folder), { recursive: !isPerFolder, persistent: false });
      } catch (error) {
        const errno = errnoOf(error);
        // The folder is gone or replaced by a file; the watch of the folder above gives a hint.
        if (errno !== 'ENOENT' && errno !== 'ENOTDIR') onUnwatched(folder, error);
        return undefined;
      }
      watcher.on('change', (kind, name) => {
        count();
        if (name === null) return onHint(isPerFolder ? folder : undefined);
        const path = String(name).replaceAll(sep, '/');
        // The folder itself was moved or deleted, or an entry with the same name as the folder.
        if (kind === 'rename' && path === own) isReplaced();
        onHint(folder === '' ? path : `${folder}/${path}`);
      });
      watcher.on('error', () => isReplaced());
      return { close: () => watcher.close() };
    },
  };
}

/** A part of the queue's size, since the queue also counts hints that are merged or dropped on the way. */
function readMaxBurst(): number {
  try {
    return Math.max(64, Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8')) / 4);
  } catch {
    return 4096;
  }
}
