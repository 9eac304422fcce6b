// Watches a file and the symbolic links that lead to it. It watches folders, not the file: an editor that saves by
// renaming would leave the old file watched. If the system cannot watch a folder, the file is polled every two seconds.

import { type FSWatcher, watch } from 'node:fs';
import { fileFault } from '../base/file-errors.ts';
import { linkChain } from './link-chain.ts';

export interface FileWatch {
  /** Follow the links again: one of them may have changed. */
  follow(): void;
  close(): void;
}

export interface FileWatchOptions {
  readonly path: string;
  /** Called soon after the last of a burst of changes. */
  readonly onChange: () => void;
  readonly warn: (message: string) => void;
}

/** An editor writes in several steps; wait for the last. */
const settleMs = 50;
const pollEveryMs = 2000;

export function watchFile({ path, onChange, warn }: FileWatchOptions): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  let names = new Map<string, Set<string>>();
  let settling: NodeJS.Timeout | undefined;
  let polling: NodeJS.Timeout | undefined;
  let isClosed = false;

  function changed(): void {
    clearTimeout(settling);
    if (isClosed) return;
    settling = setTimeout(onChange, settleMs);
    settling.unref();
  }

  /** Polls until the watch is closed. */
  function pollInstead(error: unknown): void {
    if (polling !== undefined || isClosed) return;
    warn(
      `${path} cannot be watched (${fileFault(error)}); it is checked every ${pollEveryMs / 1000} s instead`,
    );
    polling = setInterval(onChange, pollEveryMs);
    polling.unref();
  }

  function watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || names.get(folder)?.has(name)) changed();
      });
      watcher.on('error', pollInstead);
      watchers.set(folder, watcher);
    } catch (error) {
      pollInstead(error);
    }
  }

  function follow(): void {
    if (isClosed) return;
    names = new Map();
    for (const { folder, name } of linkChain(path)) {
      const known = names.get(folder);
      if (known === undefined) names.set(folder, new Set([name]));
      else known.add(name);
    }
    for (const [folder, watcher] of watchers) {
      if (names.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of names.keys()) if (!watchers.has(folder)) watchFolder(folder);
  }

  follow();
  return {
    follow,
    close() {
      isClosed = true;
      clearTimeout(settling);
      clearInterval(polling);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
