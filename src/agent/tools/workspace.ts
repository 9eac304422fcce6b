// The folder that tools may see and change, and the only door to its files. What is decided on is the object that was really opened,
// never a path that someone may swap in between: on Linux through /proc/self/fd, elsewhere by comparing device and inode.

import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CodeBuddyError } from '../../errors.ts';
import { noOuterRules, type OuterRules, readOuterRules } from '../ignore/outer-rules.ts';
import { inFileQueue } from './file-queue.ts';
import { nearestNames } from './nearest-names.ts';
import { type Expected, type Replaced, replaceFile, versionOf } from './replace-file.ts';
import { explainSystemError } from './system-errors.ts';

/** Reading them takes a call of git. */
const outerRulesMs = 10_000;
const hasProcFd = process.platform === 'linux';

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

export interface WrittenFile extends Replaced {
  /** Where the file really is, relative to the root: links are followed. */
  readonly realPath: string;
}

export interface Workspace {
  /** The real path of the folder. */
  readonly root: string;
  /** Absolute paths that lead to the folder: the real one, and the one that was given. */
  readonly roots: readonly string[];
  /** The path relative to the root, with `/`; `.` for the root. @throws CodeBuddyError `outside_workspace`, `validation_failed` */
  relative(path: string): string;
  /** Opens a regular file for reading. The caller closes it. @throws CodeBuddyError `file_not_found`, `outside_workspace`, `tool_failed` */
  openFile(path: string): Promise<FileHandle>;
  /** Where an existing file really is, relative to the root: links are followed. */
  realPath(path: string): Promise<string>;
  readDirectory(path: string): Promise<readonly DirectoryEntry[]>;
  /**
   * Creates the file or replaces its content; makes missing folders. Calls for the same file take turns.
   * @throws CodeBuddyError `file_changed` if `versionOf` gives a version for its real path and the file is another one by now
   */
  writeFile(
    path: string,
    content: string | Buffer,
    options?: {
      readonly versionOf?: (realPath: string) => string | undefined;
      readonly beforeWrite?: (realPath: string) => void;
      readonly signal?: AbortSignal;
    },
  ): Promise<WrittenFile>;
  /**
   * Reads the file through `change` and writes what it returns. Nothing in this process writes the file in between.
   * @throws CodeBuddyError `file_changed` if another process did; its content is kept
   */
  changeFile(
    path: string,
    change: (handle: FileHandle) => Promise<{ readonly before: Buffer; readonly after: Buffer }>,
    options?: { readonly beforeWrite?: (realPath: string) => void; readonly signal?: AbortSignal },
  ): Promise<WrittenFile & { readonly versionBefore: string }>;
  /** Ignore rules that hold in the workspace without being in it. */
  outerRules(): Promise<OuterRules>;
  /** The real path of a folder, as a working directory. */
  realDirectory(path: string): Promise<string>;
}

/**
 * `hidden`: files and folders that are as if they were outside, as absolute paths; a folder that the workspace is in hides nothing.
 * @throws Error if the folder is not there
 */
export async function openWorkspace(
  folder: string,
  hidden: readonly string[] = [],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Workspace> {
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
    const absolute = locate(path);
    const real = await realpath(absolute).catch(async (error: unknown) => {
      const existing = isCode(error, 'ENOENT') ? await otherNormalForm(absolute) : absolute;
      if (existing === absolute) throw error;
      return realpath(existing);
    });
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

  /** The same path with names as they are in their folders, where those differ in their Unicode normal form only. */
  async function otherNormalForm(absolute: string): Promise<string> {
    if (isAscii(absolute)) return absolute;
    let found = root;
    for (const name of relative(root, absolute).split(sep)) {
      const isThere = await lstat(join(found, name)).then(
        () => true,
        () => false,
      );
      if (isThere || isAscii(name)) {
        found = join(found, name);
        continue;
      }
      if (!isInside(await realpath(found).catch(() => sep))) return absolute;
      const names = await readdir(found).catch(() => []);
      found = join(found, names.find((other) => other.normalize() === name.normalize()) ?? name);
    }
    return found;
  }

  /** Where a file to be written really is. An existing link that stays inside is written through. */
  async function realTarget(path: string): Promise<string> {
    const absolute = locate(path);
    if (absolute === root) throw failed(path, 'is a folder');
    try {
      return await realInside(path);
    } catch (error) {
      // `realpath` fails where nothing is there yet.
      if (!isCode(error, 'ENOENT')) throw error;
      if (await isLink(absolute)) throw failed(path, 'is a symbolic link that leads nowhere');
      return otherNormalForm(absolute);
    }
  }

  /** One key for all paths that lead to the same file. */
  async function identify(path: string): Promise<string> {
    const target = await realTarget(path);
    const stats = await lstat(target, { bigint: true }).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (stats !== undefined) return `${stats.dev} ${stats.ino}`;
    const missing: string[] = [];
    for (let existing = target; ; existing = dirname(existing)) {
      const real = await realpath(existing).catch(() => undefined);
      if (real !== undefined || existing === dirname(existing)) return join(real ?? existing, ...missing);
      missing.unshift(basename(existing));
    }
  }

  async function replaceIn(
    path: string,
    content: Buffer,
    expect: (realPath: string) => Expected,
  ): Promise<WrittenFile> {
    const target = await realTarget(path);
    const { handle, at } = await openParent(target, path);
    try {
      const name = basename(target);
      const folder = hasProcFd ? await readlink(at) : at;
      const realPath = relativeTo(join(folder, name));
      const replaced = await replaceFile({ folder: at, name, path, content, expected: expect(realPath) });
      return { ...replaced, realPath };
    } finally {
      await handle.close();
    }
  }

  const writeFile: Workspace['writeFile'] = (
    path,
    content,
    { versionOf: seenOf, beforeWrite, signal } = {},
  ) =>
    explain(path, () =>
      inFileQueue(
        () => identify(path),
        signal,
        () =>
          replaceIn(path, Buffer.from(content), (realPath) => {
            beforeWrite?.(realPath);
            const version = seenOf?.(realPath);
            return version === undefined ? { kind: 'anything' } : { kind: 'version', version };
          }),
      ),
    );

  const changeFile: Workspace['changeFile'] = (path, change, { beforeWrite, signal } = {}) =>
    explain(path, () =>
      inFileQueue(
        () => identify(path),
        signal,
        async () => {
          const handle = await openFile(path);
          try {
            const versionBefore = versionOf(await handle.stat({ bigint: true }));
            const { before, after } = await change(handle);
            signal?.throwIfAborted();
            const written = await replaceIn(path, after, (realPath) => {
              beforeWrite?.(realPath);
              return { kind: 'content', handle, bytes: before };
            });
            return { ...written, versionBefore };
          } finally {
            await handle.close();
          }
        },
      ),
    );

  let outer = { readAt: Number.NEGATIVE_INFINITY, rules: Promise.resolve(noOuterRules) };

  const relativeTo = (absolute: string): string => relative(root, absolute).split(sep).join('/') || '.';

  /** Files with names like the one that does not exist, in the folder where it was looked for. */
  async function neighboursOf(path: string): Promise<readonly string[]> {
    let folder = root;
    const names = relative(root, locate(path)).split(sep);
    for (const [index, name] of names.entries()) {
      const inside = await realpath(join(folder, name)).catch(() => undefined);
      if (inside !== undefined && isInside(inside)) {
        folder = join(folder, name);
        continue;
      }
      const entries = (await readdir(folder).catch(() => [])).filter((entry) =>
        isInside(join(folder, entry)),
      );
      const rest = names.slice(index + 1);
      const near = nearestNames(name, entries).map((entry) => join(folder, entry, ...rest));
      const isThere = await Promise.all(
        near.map((candidate) =>
          lstat(candidate).then(
            () => true,
            () => false,
          ),
        ),
      );
      const whole = near.filter((_, at) => isThere[at]);
      // A folder of nearly this name that does not hold the rest is still worth naming.
      return (
        whole.length > 0 ? whole : near.map((candidate) => join(candidate, ...rest.map(() => '..')))
      ).map(relativeTo);
    }
    return [];
  }

  /** Errors of the system in words that name the path as it was given. */
  async function explain<T>(path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof CodeBuddyError) throw cause;
      if (isCode(cause, 'ENOENT')) {
        const near = await neighboursOf(path);
        const hint = near.length === 0 ? '' : ` Near to it: ${near.map(shown).join(', ')}.`;
        const message = `There is no ${shown(path)} in the workspace.${hint}`;
        throw new CodeBuddyError('file_not_found', message, { cause });
      }
      throw explainSystemError(shown(path), cause) ?? cause;
    }
  }

  return {
    root,
    roots: [root, given],
    relative: (path) => relativeTo(locate(path)),
    openFile,
    writeFile,
    changeFile,
    realPath: (path) => explain(path, async () => relativeTo(await realInside(path))),
    outerRules() {
      if (performance.now() - outer.readAt > outerRulesMs)
        outer = { readAt: performance.now(), rules: readOuterRules(root, environment) };
      return outer.rules;
    },
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

/** Names in ASCII have one normal form. */
function isAscii(name: string): boolean {
  return Buffer.byteLength(name) === name.length;
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

function failed(path: string, why: string): CodeBuddyError {
  return new CodeBuddyError('tool_failed', `${shown(path)} ${why}.`);
}

function shown(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Also of what is not there yet. */
async function realOf(path: string): Promise<string> {
  const parent = await realpath(dirname(path)).catch(() => dirname(path));
  return realpath(path).catch(() => join(parent, basename(path)));
}
