// What the operating system says of changes in folders: hints where to look, no more. On Linux each folder is watched by itself, since
// only then can nothing be missed in a folder that is new; elsewhere the system watches the whole tree.

import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { errnoOf } from '../tools/system-errors.ts';

export interface FolderWatch {
  close(): void;
}

export interface FolderWatches {
  /**
   * Watches one folder. Undefined: it is gone, or another watch covers it. `isReplaced` is called when the folder at this path may be
   * another one by now.
   */
  watch(folder: string, isReplaced: () => void): FolderWatch | undefined;
}

export interface FolderWatchesOptions {
  readonly root: string;
  /** `path` relative to the root; undefined: hints were lost, and everything may have changed. */
  readonly onHint: (path: string | undefined) => void;
  /** The system watches no more folders; this one must be looked at from time to time. */
  readonly onUnwatched: (folder: string, error: unknown) => void;
  /** @default on Linux */
  readonly isPerFolder?: boolean;
}

export function createFolderWatches(options: FolderWatchesOptions): FolderWatches {
  const { root, onHint, onUnwatched, isPerFolder = process.platform === 'linux' } = options;
  const maxBurst = readMaxBurst();
  let burst = 0;

  /** The system drops hints, without a word, when its queue is full: then as many come in one turn as it holds. */
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
        // Gone, or no folder any more: the folder above has a hint of it.
        if (errno !== 'ENOENT' && errno !== 'ENOTDIR') onUnwatched(folder, error);
        return undefined;
      }
      watcher.on('change', (kind, name) => {
        count();
        if (name === null) return onHint(isPerFolder ? folder : undefined);
        const path = String(name).replaceAll(sep, '/');
        // The folder itself was moved or deleted; or something in it that has its name.
        if (kind === 'rename' && path === own) isReplaced();
        onHint(folder === '' ? path : `${folder}/${path}`);
      });
      watcher.on('error', () => isReplaced());
      return { close: () => watcher.close() };
    },
  };
}

/** A part of what the queue holds, since hints that are merged or dropped on the way count there as well. */
function readMaxBurst(): number {
  try {
    return Math.max(64, Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8')) / 4);
  } catch {
    return 4096;
  }
}
