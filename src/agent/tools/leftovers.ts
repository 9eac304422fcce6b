// Temporary files that a crash in the middle of a write left in the workspace. Found by a walk in the background, since a list of them would cost a
// commit for each write. Removed are only regular files of ours, under the exact name that `writeFile` gives, that nobody is writing.

import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** With our pid, so that another server on the same workspace can tell that the file is in use. */
export function temporaryName(): string {
  return `.codebuddy-${process.pid}-${randomBytes(8).toString('hex')}.tmp`;
}

/** Earlier releases left the pid out. */
const pattern = /^\.codebuddy-(?:(\d{1,10})-)?[0-9a-f]{16}\.tmp$/;

export function isTemporaryName(name: string): boolean {
  return pattern.test(name);
}

export interface LeftoverOptions {
  /** The real path of the workspace. */
  readonly root: string;
  readonly signal: AbortSignal;
  /** Looked at, at most. @default 500 000 */
  readonly maxEntries?: number;
  /** A file that has not changed for this long is not being written, in ms. @default 2 s */
  readonly settleMs?: number;
}

/** Deeper folders are left alone: each level holds a handle open. */
const maxDepth = 64;
/** A process of that number may be another one by now; no write takes this long. */
const longestWriteMs = 60 * 60 * 1000;

/** Resolves to how many files were removed. Never throws for what it cannot read or remove: the next start tries again. */
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
      // Gone meanwhile, replaced by a link, or not ours to read.
      if (!(error instanceof Error && 'code' in error)) throw error;
    } finally {
      await folder?.handle?.close();
    }
  }

  /** `path` begins with a handle of its folder, and `unlink` follows no link: nothing else can take its place but in the same folder. */
  async function remove(path: string, name: string): Promise<boolean> {
    try {
      const found = await lstat(path);
      if (!found.isFile() || !owners.has(found.uid) || isInUse(name, found)) return false;
      if (Math.abs(Date.now() - found.mtimeMs) < settleMs) {
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
    const pid = Number(pattern.exec(name)?.[1] ?? 0);
    if (pid === 0) return false;
    // A container gives the same number to each of its servers in turn.
    if (pid === process.pid) return mtimeMs >= startedAt;
    return isAlive(pid) && Math.abs(Date.now() - mtimeMs) < longestWriteMs;
  }

  await visit(root, 0);
  return removed;
}

interface Folder {
  readonly handle: FileHandle | undefined;
  /** What names in it are joined to. */
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
