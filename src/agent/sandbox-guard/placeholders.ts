// Placeholders: empty files and folders that stand in for missing names while commands run. Commands share them; the
// last one removes them.

import {
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Placeholder } from './covers.ts';

export interface Placeholders {
  /** Creates the missing ones. Returns device and inode of all that exist now, by path. */
  take(wanted: readonly Placeholder[]): ReadonlyMap<string, string>;
  release(paths: Iterable<string>): void;
  isPlaceholder(path: string): boolean;
}

export function createPlaceholders(root: string): Placeholders {
  const users = new Map<string, number>();

  function make({ path, kind }: Placeholder): boolean {
    const absolute = join(root, path);
    try {
      if (kind === 'folder') mkdirSync(absolute);
      else closeSync(openSync(absolute, 'wx', 0o644));
      const owner = statSync(root);
      // The command runs as the workspace's owner, who must own it.
      if (process.getuid?.() === 0 && owner.uid !== 0) chownSync(absolute, owner.uid, owner.gid);
      return true;
    } catch {
      // Another program has created it meanwhile, or the folder is not writable, for the command either.
      return false;
    }
  }

  return {
    take(wanted) {
      const taken = new Map<string, string>();
      for (const placeholder of wanted) {
        const { path } = placeholder;
        const count = users.get(path) ?? 0;
        if (count === 0 && !make(placeholder)) continue;
        users.set(path, count + 1);
        const stats = lstatSync(join(root, path), { bigint: true, throwIfNoEntry: false });
        taken.set(path, stats === undefined ? '' : `${stats.dev}:${stats.ino}`);
      }
      return taken;
    },
    release(paths) {
      for (const path of [...paths].reverse()) {
        const count = (users.get(path) ?? 1) - 1;
        if (count > 0) users.set(path, count);
        else {
          users.delete(path);
          removeIfEmpty(join(root, path));
        }
      }
    },
    isPlaceholder: (path) => users.has(path),
  };
}

/** Removes the placeholder, unless it is no longer empty. */
export function removeIfEmpty(path: string): void {
  try {
    const stats = lstatSync(path);
    if (stats.isDirectory()) rmdirSync(path);
    else if (stats.isFile() && stats.size === 0) unlinkSync(path);
  } catch {
    // It was removed already, or is in use.
  }
}
