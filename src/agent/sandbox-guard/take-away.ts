// Moves a file or folder of the workspace to a place where nothing runs it, so that its content is kept. Linux only,
// like the sandbox: its folder is opened first and checked, since another command may put a link in its place.

import { randomUUID } from 'node:crypto';
import { constants, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { chmod, cp, type FileHandle, lstat, open, readlink, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolders } from '../../base/make-folders.ts';

/** Limit of removed files and folders that are kept. */
const keepAtMost = 100;

/** Resolves to false if nothing was removed. `keepIn`: the folder to move it to; undefined: it is deleted. */
export async function takeAway(root: string, path: string, keepIn: string | undefined): Promise<boolean> {
  const folder = dirname(join(root, path));
  let handle: FileHandle;
  try {
    handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return false;
  }
  try {
    const at = `/proc/self/fd/${handle.fd}`;
    if ((await readlink(at)) !== folder) return false;
    const from = join(at, basename(path));
    // A folder that is not writable cannot be moved.
    if ((await lstat(from)).isDirectory()) await chmod(from, 0o700);
    if (keepIn !== undefined) await keep(from, keepIn, path);
    await rm(from, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

async function keep(from: string, keepIn: string, path: string): Promise<void> {
  try {
    makeFolders(keepIn);
    const kept = readdirSync(keepIn).sort();
    for (const old of kept.slice(0, Math.max(0, kept.length + 1 - keepAtMost)))
      rmSync(join(keepIn, old), { recursive: true, force: true });
    const place = join(keepIn, `${new Date().toISOString().replaceAll(':', '')}-${randomUUID().slice(0, 8)}`);
    mkdirSync(place, { mode: 0o700 });
    const to = join(place, path.replaceAll('/', '__'));
    try {
      renameSync(from, to);
    } catch {
      // The destination is on another file system.
      await cp(from, to, { recursive: true, verbatimSymlinks: true });
    }
  } catch {
    // If there is no space for a copy, it is still deleted, since it must not run.
  }
}
