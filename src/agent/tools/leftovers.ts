// Removes temporary files that a crash in the middle of a write left in the workspace. They are found by a walk in the
// background, since a list of them would cost one commit per write. Removes only regular files with exactly the name
// that a write gives, if they belong to this server's user or the workspace's owner and no process is writing them.

import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isProcessAlive } from '../../base/is-process-alive.ts';
import { isTemporaryName, pidOfTemporaryName } from './temporary-name.ts';

export interface LeftoverOptions {
  /** The real path of the workspace. */
  readonly root: string;
  readonly signal: AbortSignal;
  /** Files and folders to look at, at most. @default 500 000 */
  readonly maxEntries?: number;
  /** A file that has not changed for this long is not being written, in ms. @default 2000 */
  readonly settleMs?: number;
}

/** Deeper folders are skipped: each level keeps a handle open. */
const maxDepth = 64;
/** No write takes this long: an older file belongs to another process with the same pid. */
const longestWriteMs = 60 * 60 * 1000;

/** Resolves to the number of removed files. Skips what it cannot read or remove; the next start tries again. */
export async function removeLeftovers({
  root,
  signal,
  maxEntries = 500_000,
  settleMs = 2000,
}: LeftoverOptions): Promise<number> {
  const startedAt = Date.now() - process.uptime() * 1000;
  let entriesLeft = maxEntries;
  let removed = 0;
  const owners = new Set([process.getuid?.(), (await lstat(root)).uid]);

  async function walk(folder: Folder, depth: number): Promise<void> {
    for (const entry of await readdir(folder.at, { withFileTypes: true })) {
      if (signal.aborted || entriesLeft-- <= 0) return;
      if (entry.isFile() && isTemporaryName(entry.name)) {
        if (await remove(join(folder.at, entry.name), entry.name)) removed++;
      } else if (entry.isDirectory() && depth < maxDepth) {
        await visit(join(folder.at, entry.name), depth + 1);
      }
    }
  }

  async function visit(path: string, depth: number): Promise<void> {
    let folder: Folder | undefined;
    try {
      folder = await openFolder(path);
      await walk(folder, depth);
    } catch (error) {
      // The folder was deleted, was replaced by a link, or may not be read.
      if (!(error instanceof Error && 'code' in error)) throw error;
    } finally {
      await folder?.handle?.close();
    }
  }

  /**
   * `path` begins with the handle of its folder, and `unlink` follows no link: only files of that folder can be
   * removed.
   */
  async function remove(path: string, name: string): Promise<boolean> {
    try {
      // Before the look: a pause of this process must not make the file look old.
      const askedAt = Date.now();
      const found = await lstat(path);
      if (!found.isFile() || !owners.has(found.uid) || isInUse(name, found)) return false;
      if (Math.abs(askedAt - found.mtimeMs) < settleMs) {
        await sleep(settleMs, undefined, { signal, ref: false });
        const again = await lstat(path);
        const isSame =
          again.ino === found.ino && again.mtimeMs === found.mtimeMs && again.size === found.size;
        if (!isSame) return false;
      }
      await unlink(path);
      return true;
    } catch (error) {
      if (!(error instanceof Error && ('code' in error || signal.aborted))) throw error;
      return false;
    }
  }

  function isInUse(name: string, { mtimeMs }: Stats): boolean {
    const pid = pidOfTemporaryName(name);
    if (pid === undefined) return false;
    // In a container, one server after another may have the same pid.
    if (pid === process.pid) return mtimeMs >= startedAt;
    return isProcessAlive(pid) && Math.abs(Date.now() - mtimeMs) < longestWriteMs;
  }

  await visit(root, 0);
  return removed;
}

interface Folder {
  readonly handle: FileHandle | undefined;
  /** Join names of its entries to this. */
  readonly at: string;
}

async function openFolder(path: string): Promise<Folder> {
  if (process.platform !== 'linux') {
    if (!(await lstat(path)).isDirectory())
      throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
    return { handle: undefined, at: path };
  }
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return { handle, at: `/proc/self/fd/${handle.fd}` };
}
