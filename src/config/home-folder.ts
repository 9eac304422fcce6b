// The config folder, `~/.codebuddy` or `CODEBUDDY_HOME`, and its subfolder `api`: both for their owner only.

import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { fileFault } from '../base/file-errors.ts';
import { apiFolder } from '../base/home-paths.ts';

/** Windows has access lists instead; what a user's own folder holds, others cannot read there. Node makes modes up. */
export const hasModes = process.platform !== 'win32';

/** Creates both folders if they are missing, and removes the access of other users. @throws Error naming the folder */
export function ensureHome(home: string): void {
  ensureFolder(home, () => mkdirSync(home, { recursive: true, mode: 0o700 }));
  // Not a recursive call: on a read-only disk that one says that the folder does not exist.
  ensureFolder(apiFolder(home), () => mkdirSync(apiFolder(home), { mode: 0o700 }));
}

function ensureFolder(folder: string, make: () => void): void {
  try {
    try {
      make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
    }
    if (hasModes && (statSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700);
  } catch (cause) {
    const isFile = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isFile ? 'it is a file, not a folder' : fileFault(cause);
    throw new Error(`the config folder ${folder} cannot be used: ${why}`, { cause });
  }
}
