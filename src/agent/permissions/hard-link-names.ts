// Finds the denied names of a file with several names (hard links). The file system cannot list them, so the workspace
// is walked; only files with denied names are examined.

import type { BigIntStats, Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** In a larger workspace the names are not searched. */
const maxEntries = 200_000;
/** Calls within this time share one walk, since a search opens many files. In ms. */
const freshMs = 1000;

/** Resolves to undefined if the names cannot be determined. */
export type NameFinder = (
  root: string,
  stats: Pick<Stats | BigIntStats, 'dev' | 'ino'>,
) => Promise<readonly string[] | undefined>;

export function createNameFinder(isDenied: (path: string) => boolean): NameFinder {
  let walk: { readonly names: Promise<ReadonlyMap<string, readonly string[]> | undefined> } | undefined;

  return async (root, { dev, ino }) => {
    if (walk === undefined) {
      const mine = { names: findDenied(root, isDenied) };
      walk = mine;
      const forget = (): void => {
        setTimeout(() => {
          if (walk === mine) walk = undefined;
        }, freshMs).unref();
      };
      mine.names.then(forget, forget);
    }
    const names = await walk.names;
    return names === undefined ? undefined : (names.get(`${dev}:${ino}`) ?? []);
  };
}

async function findDenied(
  root: string,
  isDenied: (path: string) => boolean,
): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  const found = new Map<string, string[]>();
  const folders = [''];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    // A deleted folder has no names. If the server may not list a folder, no tool can see its names either.
    const list = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    entries += list.length;
    if (entries > maxEntries) return undefined;
    for (const entry of list) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() && isDenied(path)) {
        const stats = await lstat(join(root, path)).catch(() => undefined);
        if (stats === undefined || stats.nlink < 2) continue;
        const key = `${stats.dev}:${stats.ino}`;
        found.set(key, [...(found.get(key) ?? []), path]);
      }
    }
  }
  return found;
}
