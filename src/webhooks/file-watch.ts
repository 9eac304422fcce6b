// Says when a file may have changed, links on the way to it included. It watches folders, not the file: an editor that saves by renaming
// would leave us watching the old one. Where the system cannot watch, the file is looked at every two seconds.

import { type FSWatcher, watch } from 'node:fs';
import { fileFault } from '../base/file-errors.ts';
import { linkChain } from './link-chain.ts';

export interface FileWatch {
  /** A link may lead elsewhere now. */
  follow(): void;
  close(): void;
}

export interface FileWatchOptions {
  readonly path: string;
  /** Called soon after the last of a burst of changes. */
  readonly onChange: () => void;
  readonly warn: (message: string) => void;
}

/** An editor writes in several steps. */
const settleMs = 50;
const lookEveryMs = 2000;

export function watchFile({ path, onChange, warn }: FileWatchOptions): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  let names = new Map<string, Set<string>>();
  let settling: NodeJS.Timeout | undefined;
  let looking: NodeJS.Timeout | undefined;
  let isClosed = false;

  function changed(): void {
    clearTimeout(settling);
    if (isClosed) return;
    settling = setTimeout(onChange, settleMs);
    settling.unref();
  }

  /** For the rest of the life of this watch. */
  function lookInstead(error: unknown): void {
    if (looking !== undefined || isClosed) return;
    warn(`${path} cannot be watched (${fileFault(error)}); it is looked at every ${lookEveryMs / 1000} s`);
    looking = setInterval(onChange, lookEveryMs);
    looking.unref();
  }

  function watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || names.get(folder)?.has(name)) changed();
      });
      watcher.on('error', lookInstead);
      watchers.set(folder, watcher);
    } catch (error) {
      lookInstead(error);
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
      clearInterval(looking);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
