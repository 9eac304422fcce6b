// Paths that lie in a folder, behind all links.

import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';

/** The paths inside the folder, relative to it. */
export function pathsInside(root: string, paths: readonly string[]): readonly string[] {
  return paths
    .map((path) => relative(root, realOf(path)).split(sep).join('/'))
    .filter((path) => path !== '' && path !== '..' && !path.startsWith('../') && !isAbsolute(path));
}

/** The real path, also of a file that does not exist yet. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realOf(folder), basename(path));
  }
}
