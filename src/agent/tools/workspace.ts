// The folder that tools may see and change, and the only door to its files. What is decided on is the object that was really opened,
// never a path that someone may swap in between: on Linux through /proc/self/fd, elsewhere by comparing device and inode.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CodeBuddyError } from '../../errors.ts';
import { shorten } from '../../text.ts';

const hasProcFd = process.platform === 'linux';

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

export interface Workspace {
  /** The real path of the folder. */
  readonly root: string;
  /** The path relative to the root, with `/`; `.` for the root. @throws CodeBuddyError `outside_workspace`, `validation_failed` */
  relative(path: string): string;
  /** Opens a regular file for reading. The caller closes it. @throws CodeBuddyError `file_not_found`, `outside_workspace`, `tool_failed` */
  openFile(path: string): Promise<FileHandle>;
  readDirectory(path: string): Promise<readonly DirectoryEntry[]>;
  /** Replaces or creates the file in one step; makes missing folders. Resolves to whether it was there before. */
  writeFile(path: string, content: string): Promise<'create' | 'modify'>;
  /** The real path of a folder, as a working directory. */
  realDirectory(path: string): Promise<string>;
}

/**
 * `hidden`: files and folders that are as if they were outside, as absolute paths; a folder that the workspace is in hides nothing.
 * @throws Error if the folder is not there
 */
export async function openWorkspace(folder: string, hidden: readonly string[] = []): Promise<Workspace> {
  const root = await realpath(folder);
  const given = resolve(folder);
  if (!(await stat(root)).isDirectory()) throw new Error(`the workspace ${folder} is not a folder`);

  const isIn = (path: string, parent: string): boolean =>
    path === parent || path.startsWith(parent.endsWith(sep) ? parent : parent + sep);
  const unseen = (await Promise.all(hidden.map(realOf))).filter((path) => !isIn(root, path));
  const isInside = (path: string): boolean =>
    isIn(path, root) && !unseen.some((hiddenPath) => isIn(path, hiddenPath));

  function locate(path: string): string {
    if (path.includes('\0')) throw outside(path, 'holds a NUL character');
    let absolute = resolve(root, path);
    // The root may have been given by a link; absolute paths spelled that way are meant for it.
    if (!isInside(absolute) && isAbsolute(path) && (absolute === given || absolute.startsWith(given + sep))) {
      absolute = resolve(root, relative(given, absolute));
    }
    if (!isInside(absolute)) throw outside(path, 'leads out of the workspace');
    return absolute;
  }

  function outside(path: string, why: string): CodeBuddyError {
    return new CodeBuddyError('outside_workspace', `The path ${shown(path)} ${why}.`);
  }

  /** Where the opened object really is. Without /proc the path is resolved again and must name the same object. */
  async function verify(handle: FileHandle, path: string, real: string): Promise<void> {
    if (hasProcFd) {
      if (!isInside(await readlink(`/proc/self/fd/${handle.fd}`)))
        throw outside(path, 'leads out of the workspace');
      return;
    }
    const [opened, now] = await Promise.all([
      handle.stat(),
      realpath(real).then(async (again) => ({ again, stats: await stat(again) })),
    ]);
    if (!isInside(now.again) || now.stats.dev !== opened.dev || now.stats.ino !== opened.ino) {
      throw outside(path, 'changed while it was opened');
    }
  }

  async function realInside(path: string): Promise<string> {
    const real = await realpath(locate(path));
    if (!isInside(real)) throw outside(path, 'leads out of the workspace');
    return real;
  }

  async function openFile(path: string): Promise<FileHandle> {
    return explain(path, async () => {
      const real = await realInside(path);
      const kind = await lstat(real);
      if (kind.isDirectory()) throw failed(path, 'is a folder');
      // Before opening: opening some devices has effects.
      if (!kind.isFile()) throw failed(path, 'is not a regular file');
      const handle = await open(
        real,
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
      );
      return closeOnError(handle, async () => {
        await verify(handle, path, real);
        if (!(await handle.stat()).isFile()) throw failed(path, 'is not a regular file');
        return handle;
      });
    });
  }

  /** An open folder, verified; names are then used relative to it. */
  async function openDirectory(real: string, path: string): Promise<{ handle: FileHandle; at: string }> {
    const handle = await open(real, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    return closeOnError(handle, async () => {
      await verify(handle, path, real);
      return { handle, at: hasProcFd ? `/proc/self/fd/${handle.fd}` : real };
    });
  }

  /** The folder that holds `absolute`, made where it is missing, each step inside the folder opened before. */
  async function openParent(absolute: string, path: string): Promise<{ handle: FileHandle; at: string }> {
    const missing: string[] = [];
    let existing = dirname(absolute);
    let real: string | undefined;
    while (real === undefined) {
      try {
        real = await realpath(existing);
      } catch (error) {
        if (!isCode(error, 'ENOENT') || existing === root) throw error;
        missing.unshift(basename(existing));
        existing = dirname(existing);
      }
    }
    if (!isInside(real)) throw outside(path, 'leads out of the workspace');
    let parent = await openDirectory(real, path);
    for (const name of missing) {
      const child = await closeOnError(parent.handle, async () => {
        await mkdir(join(parent.at, name)).catch((error: unknown) => {
          if (!isCode(error, 'EEXIST')) throw error;
        });
        return openDirectory(join(parent.at, name), path);
      });
      await parent.handle.close();
      parent = child;
    }
    return parent;
  }

  async function writeFile(path: string, content: string): Promise<'create' | 'modify'> {
    return explain(path, async () => {
      let absolute = locate(path);
      if (absolute === root) throw failed(path, 'is a folder');
      // An existing link that stays inside is written through; `realpath` fails where nothing is there yet.
      try {
        absolute = await realInside(path);
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error;
        if (await isLink(absolute)) throw failed(path, 'is a symbolic link that leads nowhere');
      }
      const { handle, at } = await openParent(absolute, path);
      try {
        return await replaceFile(at, basename(absolute), content, path);
      } finally {
        await handle.close();
      }
    });
  }

  return {
    root,
    relative: (path) => relative(root, locate(path)).split(sep).join('/') || '.',
    openFile,
    writeFile,
    async readDirectory(path) {
      return explain(path, async () => {
        const { handle, at } = await openDirectory(await realInside(path), path);
        try {
          const entries = await readdir(at, { withFileTypes: true });
          return entries.map((entry) => ({
            name: entry.name,
            kind: entry.isFile()
              ? 'file'
              : entry.isDirectory()
                ? 'directory'
                : entry.isSymbolicLink()
                  ? 'link'
                  : 'other',
          }));
        } finally {
          await handle.close();
        }
      });
    },
    async realDirectory(path) {
      return explain(path, async () => {
        const real = await realInside(path);
        if (!(await stat(real)).isDirectory()) throw failed(path, 'is not a folder');
        return real;
      });
    },
  };
}

/** Written beside the target and renamed over it: a reader sees the old content or the new, and no link is followed. */
async function replaceFile(
  at: string,
  name: string,
  content: string,
  path: string,
): Promise<'create' | 'modify'> {
  const target = join(at, name);
  const before = await lstat(target).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (before?.isDirectory()) throw failed(path, 'is a folder');
  if (before !== undefined && !before.isFile()) throw failed(path, 'is not a regular file');
  const temporary = join(at, `.codebuddy-${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o666,
  );
  try {
    try {
      if (before !== undefined) await file.chmod(before.mode & 0o7777);
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return before === undefined ? 'create' : 'modify';
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return false;
    throw error;
  }
}

async function closeOnError<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What the system's error codes mean for a path; nothing of the machine's own paths gets into the message. */
async function explain<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof CodeBuddyError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    switch (code) {
      case 'ENOENT':
        throw new CodeBuddyError('file_not_found', `There is no ${shown(path)} in the workspace.`, { cause });
      case 'ENOTDIR':
        throw failed(path, 'has a part that is not a folder', cause);
      case 'ELOOP':
        throw failed(path, 'is a symbolic link that was not there before, or a loop of links', cause);
      case 'EISDIR':
        throw failed(path, 'is a folder', cause);
      case 'EACCES':
      case 'EPERM':
        throw failed(path, 'may not be used by this server', cause);
      case 'ENAMETOOLONG':
        throw failed(path, 'has a name that is too long', cause);
      case 'ENOSPC':
      case 'EDQUOT':
        throw failed(path, 'cannot be written: the disk is full', cause);
      case 'EROFS':
        throw failed(path, 'cannot be written: the disk is read-only', cause);
      default:
        throw cause;
    }
  }
}

function failed(path: string, why: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('tool_failed', `${shown(path)} ${why}.`, cause === undefined ? {} : { cause });
}

function shown(path: string): string {
  return JSON.stringify(shorten(path, 201));
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Also of what is not there yet. */
async function realOf(path: string): Promise<string> {
  const parent = await realpath(dirname(path)).catch(() => dirname(path));
  return realpath(path).catch(() => join(parent, basename(path)));
}
