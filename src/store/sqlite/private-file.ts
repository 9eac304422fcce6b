// Files of the store are made readable by their owner only; SQLite itself would use what the umask allows.

import { chmodSync, closeSync, lstatSync, openSync } from 'node:fs';
import { fileError } from '../../base/file-errors.ts';

/**
 * Makes the file with mode 0600, or corrects the mode of the one that is there. A file that is there is never opened: closing it
 * would drop the locks that SQLite holds on it in this process (POSIX fcntl, https://www.sqlite.org/howtocorrupt.html §2.2).
 */
export function createPrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError(path, 'cannot be made', error);
    const found = lstatSync(path);
    // A link would lead our locks, and the mode, to another file.
    if (found.isSymbolicLink()) throw new Error(`${path} is a symbolic link; remove it`, { cause: error });
    if (found.isDirectory()) throw new Error(`${path} is a folder, not a file; remove it`, { cause: error });
    if (found.isFile() && (found.mode & 0o777) !== 0o600) chmodSync(path, 0o600);
  }
}
