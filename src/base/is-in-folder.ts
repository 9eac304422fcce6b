import { sep } from 'node:path';

/** True for the folder itself and everything below it. Both paths are absolute and without `..`. */
export function isInFolder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
