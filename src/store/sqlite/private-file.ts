// Files of the store are readable by their owner only. SQLite itself would apply the umask.

import { chmodSync, closeSync, lstatSync, openSync } from 'node:fs';
import { fileError } from '../../base/file-errors.ts';

/**
 * Create the file with mode 0600, or correct the mode of an existing one. An existing file is never opened, because
 * closing it would release the locks that SQLite has on it in this process (POSIX fcntl,
 * https://www.sqlite.org/howtocorrupt.html §2.2).
 */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError(path, 'cannot be created', error);
    const found = lstatSync(path);
    // A link would apply locks and mode to another file.
    if (found.isSymbolicLink()) throw new Error(`${path} is a symbolic link; remove it`, { cause: error });
    if (found.isDirectory()) throw new Error(`${path} is a folder, not a file; remove it`, { cause: error });
    if (found.isFile() && (found.mode & 0o777) !== 0o600) chmodSync(path, 0o600);
  }
}
