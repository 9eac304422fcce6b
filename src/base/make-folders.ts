// Creates a folder and its missing parents. Node's own recursive mkdir never ends where the file system creates no
// folders and says that the parent is missing, such as in /proc.

import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Does nothing if the folder exists. @throws the error of the file system */
export function makeFolders(path: string, mode = 0o700): void {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode });
    } catch (error) {
      // Another process may have created it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
