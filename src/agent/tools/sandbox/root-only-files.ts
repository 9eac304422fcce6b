// Finds files that only root may read. In a workspace of root, commands run as root: without capabilities, but with
// root's right to read. They must not see more of the system than an ordinary user. Root's home folder is treated like
// any user's.

import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isInFolder } from '../../../base/is-in-folder.ts';
import { errnoOf } from '../system-errors.ts';
import type { Mask } from './mask.ts';

/** The folders to search, and the depth. */
const places: readonly { readonly path: string; readonly depth: number }[] = [
  { path: '/etc', depth: 8 },
  { path: '/var', depth: 3 },
  { path: '/boot', depth: 1 },
  { path: '/opt', depth: 2 },
  { path: '/srv', depth: 2 },
  { path: '/usr/local/etc', depth: 4 },
];

/** `needed`: folders that stay visible, such as the home folder and those of PATH. */
export async function findRootOnlyFiles(needed: readonly string[]): Promise<readonly Mask[]> {
  const top = await look('/', 1, needed);
  const found = await Promise.all(places.map(({ path, depth }) => look(path, depth, needed)));
  return [...top, ...found.flat()];
}

async function look(folder: string, depth: number, needed: readonly string[]): Promise<readonly Mask[]> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return [];
    throw error;
  }
  const found = await Promise.all(
    names.map(async (name): Promise<readonly Mask[]> => {
      const path = join(folder, name);
      const stats = await lstat(path).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw error;
      });
      if (stats === undefined || (!stats.isFile() && !stats.isDirectory())) return [];
      const { mode, uid, gid } = stats;
      const isRoots = uid === 0 || gid === 0;
      if (stats.isFile()) return isRoots && (mode & 0o004) === 0 ? [{ path, as: 'empty file' }] : [];
      if (isRoots && (mode & 0o001) === 0 && !needed.some((one) => isInFolder(one, path)))
        return [{ path, as: 'empty folder' }];
      return depth > 1 ? look(path, depth - 1, needed) : [];
    }),
  );
  return found.flat();
}
