// The config folder, `~/.codebuddy` or `CODEBUDDY_HOME`, and its subfolder `api`. Only their owner may access them.

import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { fileFault } from '../base/file-errors.ts';
import { apiFolder } from '../base/home-paths.ts';
import { makeFolders } from '../base/make-folders.ts';

/**
 * Windows uses access lists, which keep other users out of a user's own folder; the modes that Node reports there mean
 * nothing.
 */
export const hasModes = process.platform !== 'win32';

/**
 * Creates both folders if they are missing, and removes the access of other users. @throws Error that names the folder
 */
export function ensureHome(home: string): void {
  ensureFolder(home, () => makeFolders(home));
  // Not recursive: on a read-only disk, the recursive call fails with ENOENT.
  ensureFolder(apiFolder(home), () => mkdirSync(apiFolder(home), { mode: 0o700 }));
}

function ensureFolder(folder: string, create: () => void): void {
  try {
    try {
      create();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(folder).isDirectory()) throw error;
    }
    if (hasModes && (statSync(folder).mode & 0o077) !== 0) removeAccessOfOthers(folder);
  } catch (cause) {
    throw new Error(`The config folder ${folder} cannot be used: ${folderFault(cause)}`, { cause });
  }
}

function folderFault(error: unknown): string {
  if (error instanceof SharedFolderError) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return 'it is a file, not a folder';
  // Its parents were created, or exist: the file system takes no new folders there.
  if (code === 'ENOENT') return 'no folder can be created there (ENOENT)';
  return fileFault(error);
}

function removeAccessOfOthers(folder: string): void {
  try {
    chmodSync(folder, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    // A volume of a container, for example, belongs to root.
    throw new SharedFolderError(
      'other users can access it, and it belongs to another user; choose a folder of your own, such as a new one in it',
      { cause: error },
    );
  }
}

/** Other users can access the folder, and this user cannot change that. */
class SharedFolderError extends Error {}
