// The folder that tools may see and change, and the only door to its files. What is decided on is the object that was really opened,
// never a path that someone may swap in between: on Linux through /proc/self/fd, elsewhere by comparing device and inode.

import { constants, type Dirent, type Stats } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  opendir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CodeBuddyError, exhaustionOf } from '../../errors.ts';
import { fileFault } from '../../file-errors.ts';
import { isIn, openOwnFiles } from '../own-files.ts';
import { temporaryName } from './leftovers.ts';

const hasProcFd = process.platform === 'linux';

/**
 * Folders above a file, from the workspace's folder. To resolve a path takes the system time that grows with the square of its depth, and
 * a path of 2000 folders is resolved for seconds, in one of a few threads.
 */
export const maxPathDepth = 256;

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

/** Deny rules for files. Paths are real ones, relative to the workspace, with `/`. */
export interface FileGuard {
  /** Does a rule deny the tool this path? */
  denies(tool: string, path: string): boolean;
  /** Judges a file that is open, by all its names. */
  mayRead(root: string, path: string, stats: Stats): Promise<boolean>;
  /** Those of the file's names that some rule denies; undefined if they cannot be told. */
  otherNames(root: string, stats: Stats): Promise<readonly string[] | undefined>;
}

export interface RealFile {
  /** Relative to the workspace, through all links; undefined if it leads out or cannot be told. */
  readonly path: string | undefined;
  /** Undefined if nothing is there. */
  readonly stats: Stats | undefined;
}

export interface Workspace {
  /** The real path of the folder. */
  readonly root: string;
  readonly guard: FileGuard | undefined;
  /** The path relative to the root, with `/`; `.` for the root. @throws CodeBuddyError `outside_workspace`, `validation_failed` */
  relative(path: string): string;
  /** Where a path really leads; of a file that is not there yet, through its nearest folder that is. */
  realFile(path: string): Promise<RealFile>;
  /**
   * Opens a regular file for reading. The caller closes it. Deny rules do not bind the server's own use.
   * @throws CodeBuddyError `file_not_found`, `outside_workspace`, `permission_denied`, `tool_failed`
   */
  openFile(path: string, use?: 'tool' | 'own'): Promise<FileHandle>;
  /** In no order; `truncated` if there are more than `maxEntries`. */
  readDirectory(
    path: string,
    maxEntries: number,
  ): Promise<{ readonly entries: readonly DirectoryEntry[]; readonly truncated: boolean }>;
  /**
   * Replaces or creates the file in one step; makes missing folders. Resolves to whether it was there before. `check` is called with the real path,
   * relative to the root, before anything is written; it throws to refuse.
   */
  writeFile(path: string, content: string, check?: (realPath: string) => void): Promise<'create' | 'modify'>;
  /** The real path of a folder, as a working directory. */
  realDirectory(path: string): Promise<string>;
  /** The same workspace, but written to only where the permission was given for: a link may have been swapped since. */
  writingOnly(realPath: string): Workspace;
}

/**
 * `hidden`: files and folders that are as if they were outside, as entries of own-files.ts; a folder that the workspace is in hides nothing.
 * @throws Error if the folder is not there
 */
export async function openWorkspace(
  folder: string,
  hidden: readonly string[] = [],
  guard?: FileGuard,
): Promise<Workspace> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw new Error(`the workspace ${folder} cannot be used: ${fileFault(error)}`, { cause: error });
  });
  const given = resolve(folder);
  if (!(await stat(root)).isDirectory()) throw new Error(`the workspace ${folder} is not a folder`);

  const own = await openOwnFiles(hidden);
  // A folder of ours that the workspace is in hides nothing by itself; its files are named one by one.
  const around = own.includes(root) ? await openOwnFiles(await outsideOnly(hidden, root)) : own;
  const isInside = (path: string): boolean => isIn(path, root) && !around.includes(path);

  function locate(path: string): string {
    if (path.includes('\0')) throw outside(path, 'holds a NUL character');
    let absolute = resolve(root, path);
    // The root may have been given by a link; absolute paths spelled that way are meant for it.
    if (!isInside(absolute) && isAbsolute(path) && (absolute === given || absolute.startsWith(given + sep))) {
      absolute = resolve(root, relative(given, absolute));
    }
    if (!isInside(absolute)) throw outside(path, 'leads out of the workspace');
    if (depthOf(absolute) - depthOf(root) > maxPathDepth + 1)
      throw failed(path, `is more than ${maxPathDepth} folders deep`);
    return absolute;
  }

  function outside(path: string, why: string): CodeBuddyError {
    return new CodeBuddyError('outside_workspace', `The path ${shown(path)} ${why}.`);
  }

  /** Resolves to where the opened object really is. Without /proc the path is resolved again and must name the same object. */
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

  const inWorkspace = (absolute: string): string => relative(root, absolute).split(sep).join('/') || '.';

  async function realFile(path: string): Promise<RealFile> {
    const missing: string[] = [];
    let existing = locate(path);
    for (;;) {
      try {
        const real = await realpath(existing);
        const whole = join(real, ...missing);
        if (!isInside(whole)) return { path: undefined, stats: undefined };
        return { path: inWorkspace(whole), stats: missing.length === 0 ? await stat(real) : undefined };
      } catch (error) {
        if (!isCode(error, 'ENOENT') || existing === root) return { path: undefined, stats: undefined };
        missing.unshift(basename(existing));
        existing = dirname(existing);
      }
    }
  }

  async function realInside(path: string): Promise<string> {
    const real = await realpath(locate(path));
    if (!isInside(real)) throw outside(path, 'leads out of the workspace');
    return real;
  }

  async function openFile(path: string, use: 'tool' | 'own' = 'tool'): Promise<FileHandle> {
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
        const opened = inWorkspace(await verify(handle, path, real));
        const stats = await handle.stat();
        if (!stats.isFile()) throw failed(path, 'is not a regular file');
        if (use === 'tool' && guard !== undefined && !(await guard.mayRead(root, opened, stats)))
          throw denied(path, 'read');
        return handle;
      });
    });
  }

  /** An open folder, verified; names are then used relative to it. */
  async function openDirectory(
    real: string,
    path: string,
  ): Promise<{ handle: FileHandle; at: string; real: string }> {
    const handle = await open(real, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    return closeOnError(handle, async () => {
      const opened = await verify(handle, path, real);
      return { handle, at: hasProcFd ? `/proc/self/fd/${handle.fd}` : real, real: opened };
    });
  }

  /** The folder that holds `absolute`, made where it is missing, each step inside the folder opened before. */
  async function openParent(
    absolute: string,
    path: string,
  ): Promise<{ handle: FileHandle; at: string; real: string }> {
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

  async function writeFile(
    path: string,
    content: string,
    {
      expected,
      check,
    }: { readonly expected?: string; readonly check?: ((realPath: string) => void) | undefined },
  ): Promise<'create' | 'modify'> {
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
      // Before folders are made for what is refused anyway.
      if (check !== undefined) check((await realFile(path)).path ?? inWorkspace(absolute));
      const { handle, at, real } = await openParent(absolute, path);
      try {
        const target = inWorkspace(join(real, basename(absolute)));
        check?.(target);
        if (expected !== undefined && target !== expected)
          throw failed(
            path,
            `leads to ${shown(target)} now, not to ${shown(expected)} as when it was allowed`,
          );
        if (guard?.denies('write_file', target)) throw denied(path, 'written');
        // Replacing a denied file would leave its content readable under its other names.
        const { stats } = await realFile(path);
        if (
          stats !== undefined &&
          stats.nlink > 1 &&
          guard !== undefined &&
          !(await guard.mayRead(root, target, stats))
        )
          throw denied(path, 'written');
        return await replaceFile(at, basename(absolute), content, path);
      } finally {
        await handle.close();
      }
    });
  }

  const workspace: Workspace = {
    root,
    guard,
    relative: (path) => inWorkspace(locate(path)),
    realFile,
    openFile,
    writeFile: (path, content, check) => writeFile(path, content, { check }),
    writingOnly: (realPath) => ({
      ...workspace,
      writeFile: (path, content, check) => writeFile(path, content, { expected: realPath, check }),
    }),
    async readDirectory(path, maxEntries) {
      return explain(path, async () => {
        const real = await realInside(path);
        const { handle, at } = await openDirectory(real, path);
        try {
          const entries: DirectoryEntry[] = [];
          // Piece by piece: a folder may hold millions. Leaving the loop closes it.
          for await (const entry of await opendir(at, { bufferSize: 512 })) {
            if (!isInside(join(real, entry.name))) continue;
            if (entries.length >= maxEntries) return { entries, truncated: true };
            entries.push({ name: entry.name, kind: kindOf(entry) });
          }
          return { entries, truncated: false };
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
  return workspace;
}

function kindOf(entry: Dirent): DirectoryEntry['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
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
  const temporary = join(at, temporaryName());
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
    const exhausted = exhaustionOf(cause);
    if (exhausted !== undefined) throw exhausted;
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

function denied(path: string, how: 'read' | 'written'): CodeBuddyError {
  return new CodeBuddyError('permission_denied', `${shown(path)} cannot be ${how}: a deny rule forbids it.`);
}

function failed(path: string, why: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('tool_failed', `${shown(path)} ${why}.`, cause === undefined ? {} : { cause });
}

function depthOf(absolute: string): number {
  let depth = 0;
  for (let at = absolute.indexOf(sep); at !== -1; at = absolute.indexOf(sep, at + 1)) depth++;
  return depth;
}

function shown(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The entries that do not hold the workspace itself. */
async function outsideOnly(hidden: readonly string[], root: string): Promise<readonly string[]> {
  const kept = await Promise.all(
    hidden.map(async (entry) => ((await openOwnFiles([entry])).includes(root) ? [] : [entry])),
  );
  return kept.flat();
}
