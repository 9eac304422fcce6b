// Opens files and folders of the workspace and checks the opened object itself, not its path, which may be swapped in
// between: on Linux through /proc/self/fd, elsewhere by comparing device and inode.

import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../system-errors.ts';
import type { Bounds } from './bounds.ts';
import type { FileDenyRules } from './file-deny-rules.ts';
import { denied, failed, outside } from './path-errors.ts';
import type { RealPaths } from './real-paths.ts';

const hasProcFd = process.platform === 'linux';

/** An open folder. Join names to `at`: then they are looked up in this very folder. */
export interface OpenFolder {
  readonly handle: FileHandle;
  readonly at: string;
  /** The real path. */
  readonly real: string;
  /** How many folders were missing and were created; 0 if it was there. */
  readonly newFolders: number;
}

export interface VerifiedOpener {
  /** See `Workspace.openFile`. */
  openFile(path: string, use?: 'tool' | 'own'): Promise<FileHandle>;
  /** `real`: its real path. `path`: as the caller gave it, for messages. */
  openDirectory(real: string, path: string): Promise<OpenFolder>;
  /**
   * Opens the folder that holds `absolute`. Creates missing folders, each inside the folder that was opened before it.
   */
  openParent(absolute: string, path: string): Promise<OpenFolder>;
}

export function createVerifiedOpener(
  { root, isInside, relative: inWorkspace }: Bounds,
  { realInside }: Pick<RealPaths, 'realInside'>,
  denyRules: FileDenyRules | undefined,
): VerifiedOpener {
  /**
   * Returns the real path of the opened object. Without /proc the path is resolved again and must lead to the same
   * object.
   */
  async function verify(handle: FileHandle, path: string, real: string): Promise<string> {
    if (hasProcFd) {
      const opened = await readlink(`/proc/self/fd/${handle.fd}`);
      if (!isInside(opened)) throw outside(path, 'leads out of the workspace');
      return opened;
    }
    const [opened, now] = await Promise.all([
      handle.stat(),
      realpath(real).then(async (again) => ({ again, stats: await stat(again) })),
    ]);
    if (!isInside(now.again) || now.stats.dev !== opened.dev || now.stats.ino !== opened.ino) {
      throw outside(path, 'changed while it was opened');
    }
    return now.again;
  }

  async function openFile(path: string, use: 'tool' | 'own' = 'tool'): Promise<FileHandle> {
    const real = await realInside(path);
    const kind = await lstat(real);
    if (kind.isDirectory()) throw failed(path, 'is a folder');
    // Checked before opening: opening some devices has side effects.
    if (!kind.isFile()) throw failed(path, 'is not a regular file');
    const handle = await open(
      real,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
    return closeOnError(handle, async () => {
      const opened = inWorkspace(await verify(handle, path, real));
      const stats = await handle.stat();
      if (!stats.isFile()) throw failed(path, 'is not a regular file');
      if (use === 'tool' && denyRules !== undefined && !(await denyRules.mayRead(root, opened, stats)))
        throw denied(path, 'read');
      return handle;
    });
  }

  async function openDirectory(real: string, path: string): Promise<OpenFolder> {
    const handle = await open(real, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    return closeOnError(handle, async () => {
      const opened = await verify(handle, path, real);
      return { handle, at: hasProcFd ? `/proc/self/fd/${handle.fd}` : real, real: opened, newFolders: 0 };
    });
  }

  async function openParent(absolute: string, path: string): Promise<OpenFolder> {
    const missing: string[] = [];
    let existing = dirname(absolute);
    let real: string | undefined;
    while (real === undefined) {
      try {
        real = await realpath(existing);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || existing === root) throw error;
        missing.unshift(basename(existing));
        existing = dirname(existing);
      }
    }
    if (!isInside(real)) throw outside(path, 'leads out of the workspace');
    let parent = await openDirectory(real, path);
    for (const name of missing) {
      const child = await closeOnError(parent.handle, async () => {
        await mkdir(join(parent.at, name)).catch((error: unknown) => {
          if (errnoOf(error) !== 'EEXIST') throw error;
        });
        return openDirectory(join(parent.at, name), path);
      });
      await parent.handle.close();
      parent = child;
    }
    return { ...parent, newFolders: missing.length };
  }

  return { openFile, openDirectory, openParent };
}

async function closeOnError<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await handle.close();
    throw error;
  }
}
