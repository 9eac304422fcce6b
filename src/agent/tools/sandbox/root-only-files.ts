// What only root may read. A command in root's own workspace runs as root, without capabilities but with root's right to read: it must not
// see more of the system than an ordinary user would. Root's home is treated as any user's home is.

import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cover, isCode, isIn } from './cover.ts';

/** Where it is looked for, and how deep. */
const places: readonly { readonly path: string; readonly depth: number }[] = [
  { path: '/etc', depth: 8 },
  { path: '/var', depth: 3 },
  { path: '/boot', depth: 1 },
  { path: '/opt', depth: 2 },
  { path: '/srv', depth: 2 },
  { path: '/usr/local/etc', depth: 4 },
];

/** `needed`: folders that stay visible, as the home folder and those of PATH. */
export async function findRootOnlyFiles(needed: readonly string[]): Promise<readonly Cover[]> {
  const top = await look('/', 1, needed);
  const found = await Promise.all(places.map(({ path, depth }) => look(path, depth, needed)));
  return [...top, ...found.flat()];
}

async function look(folder: string, depth: number, needed: readonly string[]): Promise<readonly Cover[]> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return [];
    throw error;
  }
  const found = await Promise.all(
    names.map(async (name): Promise<readonly Cover[]> => {
      const path = join(folder, name);
      const stats = await lstat(path).catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return undefined;
        throw error;
      });
      if (stats === undefined || (!stats.isFile() && !stats.isDirectory())) return [];
      const { mode, uid, gid } = stats;
      const isOurs = uid === 0 || gid === 0;
      if (stats.isFile()) return isOurs && (mode & 0o004) === 0 ? [{ path, as: 'empty file' }] : [];
      if (isOurs && (mode & 0o001) === 0 && !needed.some((one) => isIn(one, path)))
        return [{ path, as: 'empty folder' }];
      return depth > 1 ? look(path, depth - 1, needed) : [];
    }),
  );
  return found.flat();
}
