import { sep } from 'node:path';

/** True for the folder itself and what is below. Both are absolute and without `..`. */
export function isInFolder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
