// The folder that tools may see and change, and the only door to its files. What is decided on is the object that was really opened,
// never a path that someone may swap in between: on Linux through /proc/self/fd, elsewhere by comparing device and inode.

import { constants, type Dirent, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, opendir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { CodeBuddyError } from '../../base/errors.ts';
import { fileFault } from '../../base/file-errors.ts';
import { shorten } from '../../base/text.ts';
import { noOuterRules, type OuterRules, readOuterRules } from '../ignore/outer-rules.ts';
import { isIn, openOwnFiles } from '../own-files.ts';
import { inFileQueue } from './file-queue.ts';
import { nearestNames } from './nearest-names.ts';
import { type Expected, type Replaced, replaceFile, versionOf } from './replace-file.ts';
import { explainSystemError } from './system-errors.ts';

/** Reading them takes a call of git. */
const outerRulesMs = 10_000;
/** Of a folder, this many names are looked at for the same name in another normal form. */
const maxNames = 100_000;
/** Of a folder, this many names are compared with one that was not found: each takes up to 0.1 ms. */
const maxCompared = 2000;
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
  /** The same before it is written; `stats` of what is there now. */
  mayWrite(root: string, path: string, stats: Stats | undefined): Promise<boolean>;
  /** Those of the file's names that some rule denies; undefined if they cannot be told. */
  otherNames(root: string, stats: Stats): Promise<readonly string[] | undefined>;
}

export interface RealFile {
  /** Relative to the workspace, through all links; undefined if it leads out or cannot be told. */
  readonly path: string | undefined;
  /** Undefined if nothing is there. */
  readonly stats: Stats | undefined;
}

export interface WrittenFile extends Replaced {
  /** Where the file really is, relative to the root: links are followed. */
  readonly realPath: string;
}

export interface WriteOptions {
  /** The version that the caller has seen last, if any. */
  readonly versionOf?: (realPath: string) => string | undefined;
  /** Called with the real path, relative to the root, before anything is written or made. Throws to refuse. */
  readonly check?: ((realPath: string) => void) | undefined;
  /** Asked about a file with further names (hard links): may they get the new content? Else the file gets one of its own. */
  readonly mayShare?: ((stats: Stats) => Promise<boolean>) | undefined;
  /** Called with the real path when the file is about to be changed. */
  readonly beforeWrite?: (realPath: string) => void;
  readonly signal?: AbortSignal;
}

/** What must hold of a file when it is written. */
interface Doors extends Pick<WriteOptions, 'check' | 'mayShare'> {
  /** Where the path led when it was allowed. */
  readonly pinned: string | undefined;
}

export interface WorkspaceOptions {
  readonly guard?: FileGuard | undefined;
  /** Where the user's ignore file is looked for. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface Workspace {
  /** The real path of the folder. */
  readonly root: string;
  /** Absolute paths that lead to the folder: the real one, and the one that was given. */
  readonly roots: readonly string[];
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
  /** Where an existing file really is, relative to the root: links are followed. */
  realPath(path: string): Promise<string>;
  /** In no order; `truncated` if there are more than `maxEntries`. */
  readDirectory(
    path: string,
    maxEntries: number,
  ): Promise<{ readonly entries: readonly DirectoryEntry[]; readonly truncated: boolean }>;
  /**
   * Creates the file or replaces its content; makes missing folders. Calls for the same file take turns.
   * @throws CodeBuddyError `file_changed` if `versionOf` gives a version for its real path and the file is another one by now
   */
  writeFile(path: string, content: string | Buffer, options?: WriteOptions): Promise<WrittenFile>;
  /**
   * Reads the file through `change` and writes what it returns. Nothing in this process writes the file in between.
   * @throws CodeBuddyError `file_changed` if another process did; its content is kept
   */
  changeFile(
    path: string,
    change: (handle: FileHandle) => Promise<{ readonly before: Buffer; readonly after: Buffer }>,
    options?: Omit<WriteOptions, 'versionOf'>,
  ): Promise<WrittenFile & { readonly versionBefore: string }>;
  /** Ignore rules that hold in the workspace without being in it. */
  outerRules(): Promise<OuterRules>;
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
  { guard, environment = process.env }: WorkspaceOptions = {},
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
    const named = locate(path);
    let existing = named;
    for (;;) {
      try {
        const real = await realpath(existing);
        const whole = join(real, ...missing);
        if (!isInside(whole)) return { path: undefined, stats: undefined };
        return { path: inWorkspace(whole), stats: missing.length === 0 ? await stat(real) : undefined };
      } catch (error) {
        if (!isCode(error, 'ENOENT') || existing === root) return { path: undefined, stats: undefined };
        const other = existing === named ? await otherNormalForm(named) : named;
        if (other !== named) {
          existing = other;
          continue;
        }
        missing.unshift(basename(existing));
        existing = dirname(existing);
      }
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
      const names = await namesIn(found, maxNames);
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
    { pinned, check, mayShare }: Doors,
    expect: (realPath: string) => Expected,
  ): Promise<WrittenFile> {
    const target = await realTarget(path);
    // Before folders are made for what is refused anyway.
    if (check !== undefined) check((await realFile(path)).path ?? inWorkspace(target));
    const { handle, at, real } = await openParent(target, path);
    try {
      const name = basename(target);
      const realPath = inWorkspace(join(real, name));
      check?.(realPath);
      if (pinned !== undefined && realPath !== pinned)
        throw failed(path, `leads to ${shown(realPath)} now, not to ${shown(pinned)} as when it was allowed`);
      const stats = await lstat(join(at, name)).catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return undefined;
        throw error;
      });
      if (guard !== undefined && !(await guard.mayWrite(root, realPath, stats)))
        throw denied(path, 'written');
      const hasLinks = stats?.isFile() === true && stats.nlink > 1;
      const keepsLinks = !hasLinks || mayShare === undefined || (await mayShare(stats));
      const replaced = await replaceFile({
        folder: at,
        name,
        path,
        content,
        keepsLinks,
        expected: expect(realPath),
      });
      return { ...replaced, realPath };
    } finally {
      await handle.close();
    }
  }

  const writeFile = (
    path: string,
    content: string | Buffer,
    { versionOf: seenOf, beforeWrite, signal, check, mayShare }: WriteOptions = {},
    pinned?: string,
  ): ReturnType<Workspace['writeFile']> =>
    explain(path, () =>
      inFileQueue(
        () => identify(path),
        signal,
        () =>
          replaceIn(path, Buffer.from(content), { pinned, check, mayShare }, (realPath) => {
            beforeWrite?.(realPath);
            const version = seenOf?.(realPath);
            return version === undefined ? { kind: 'anything' } : { kind: 'version', version };
          }),
      ),
    );

  const changeFile = (
    path: string,
    change: Parameters<Workspace['changeFile']>[1],
    { beforeWrite, signal, check, mayShare }: Omit<WriteOptions, 'versionOf'> = {},
    pinned?: string,
  ): ReturnType<Workspace['changeFile']> =>
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
            const written = await replaceIn(path, after, { pinned, check, mayShare }, (realPath) => {
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

  /** Whether the name of a file may be told to whoever asks for another. */
  function maySee(absolute: string): boolean {
    if (!isInside(absolute)) return false;
    const path = inWorkspace(absolute);
    return guard === undefined || !['list_directory', 'read_file'].some((tool) => guard.denies(tool, path));
  }

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
      const entries = (await namesIn(folder, maxCompared)).filter((entry) => maySee(join(folder, entry)));
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
      ).map(inWorkspace);
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

  const workspace: Workspace = {
    root,
    roots: [root, given],
    guard,
    relative: (path) => inWorkspace(locate(path)),
    realFile,
    openFile,
    writeFile: (path, content, options) => writeFile(path, content, options),
    changeFile: (path, change, options) => changeFile(path, change, options),
    writingOnly: (realPath) => ({
      ...workspace,
      writeFile: (path, content, options) => writeFile(path, content, options, realPath),
      changeFile: (path, change, options) => changeFile(path, change, options, realPath),
    }),
    realPath: (path) => explain(path, async () => inWorkspace(await realInside(path))),
    outerRules() {
      if (performance.now() - outer.readAt > outerRulesMs)
        outer = { readAt: performance.now(), rules: readOuterRules(root, environment) };
      return outer.rules;
    },
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

/** Of a folder that cannot be read, none. Piece by piece: a folder may hold millions. */
async function namesIn(folder: string, most: number): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 512 })) {
      if (names.push(name) >= most) break;
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
  return names;
}

function kindOf(entry: Dirent): DirectoryEntry['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
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

function denied(path: string, how: 'read' | 'written'): CodeBuddyError {
  return new CodeBuddyError('permission_denied', `${shown(path)} cannot be ${how}: a deny rule forbids it.`);
}

function failed(path: string, why: string): CodeBuddyError {
  return new CodeBuddyError('tool_failed', `${shown(path)} ${why}.`);
}

function depthOf(absolute: string): number {
  let depth = 0;
  for (let at = absolute.indexOf(sep); at !== -1; at = absolute.indexOf(sep, at + 1)) depth++;
  return depth;
}

function shown(path: string): string {
  return JSON.stringify(shorten(path, 201));
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
