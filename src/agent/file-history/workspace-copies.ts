// Copies of the workspace's files, taken before a program runs that may change any of them: a command, an MCP server or
// another agent. They are kept in a private folder as long as this process runs, and only files that are new or have
// changed are copied again. Ignored files, and files beyond the limits, are left out. Works in slices, so that requests
// are answered meanwhile.

import {
  type BigIntStats,
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isProcessAlive } from '../../base/is-process-alive.ts';
import { IgnoreRules } from '../ignore/ignore-rules.ts';
import { isTemporaryName } from '../tools/temporary-name.ts';
import { type FileState, hashOf, type SeenState } from '../tools/workspace/file-state.ts';

/** A file or link at one moment. */
export interface KnownFile {
  readonly version: string;
  readonly state: FileState;
  /** The name of the copy; undefined for a link, and for a file without a copy. */
  readonly copy: string | undefined;
}

export interface Snapshot {
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly folders: ReadonlySet<string>;
  /** False if a limit ended the walk early. */
  readonly isComplete: boolean;
}

/** The work of a program on the workspace. */
export interface Watched {
  readonly before: Snapshot;
  /** The files now. */
  after(): Promise<Snapshot>;
  /** The content of a file of one of the snapshots. */
  read(file: KnownFile): Promise<SeenState>;
  /** The copies are not needed any more. */
  end(): Promise<void>;
}

export interface WorkspaceCopies {
  /** Copies the files that are new or have changed. */
  watch(): Promise<Watched>;
  /** Removes the copies, once no program needs them. */
  close(): Promise<void>;
}

export interface WorkspaceCopiesOptions {
  readonly root: string;
  /** The server's own files, as absolute paths. */
  readonly except: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** A private folder. @default a temporary one */
  readonly stateFolder: string | undefined;
  /** Larger files are not copied. */
  readonly maxFileBytes: number;
  /** All copies together. */
  readonly maxTotalBytes: number;
}

const maxFiles = 20_000;
/** A command waits no longer for the copies. */
const withinMs = 3000;
/** Time of work between two turns of the event loop. */
const sliceMs = 8;
/** Ignore rules outside the workspace are read again after this time: that runs git. */
const outerRulesMs = 10_000;
const prefix = 'file-copies-';

export function createWorkspaceCopies(options: WorkspaceCopiesOptions): WorkspaceCopies {
  const { root, maxFileBytes, maxTotalBytes } = options;
  let known = new Map<string, KnownFile>();
  let folder: Promise<string> | undefined;
  /** Copies that are not the latest; programs that still run may need them. */
  const outdated: KnownFile[] = [];
  let programs = 0;
  let isClosed = false;
  let nextCopy = 0;
  let totalBytes = 0;
  let outerReadAt = Number.NEGATIVE_INFINITY;
  /** Walks run one after the other. */
  let work: Promise<unknown> = Promise.resolve();
  const rules = new IgnoreRules(
    root,
    options.except.map((path) => relative(root, path).replaceAll(sep, '/')),
    options.environment,
  );

  async function walk(): Promise<Snapshot> {
    folder ??= openFolder(options.stateFolder);
    const at = await folder;
    if (performance.now() - outerReadAt > outerRulesMs) {
      await rules.loadOuter();
      outerReadAt = performance.now();
    }
    const files = new Map<string, KnownFile>();
    const folders = new Set<string>();
    const startedAt = performance.now();
    let turnAt = startedAt;
    const queue: string[] = [''];
    let isComplete = true;
    for (let next = 0; next < queue.length && isComplete; next++) {
      const path = queue[next] as string;
      const entries = entriesOf(path === '' ? root : `${root}/${path}`);
      if (entries.some(({ name }) => name === '.gitignore')) await rules.load(path);
      else rules.forget(path);
      for (const entry of entries) {
        const now = performance.now();
        if (files.size >= maxFiles || now - startedAt > withinMs) {
          isComplete = false;
          break;
        }
        if (now - turnAt > sliceMs) {
          await nextTurn();
          turnAt = performance.now();
        }
        const child = path === '' ? entry.name : `${path}/${entry.name}`;
        if (isTemporaryName(entry.name) || rules.isIgnored(child, entry.isDirectory())) continue;
        if (entry.isDirectory()) {
          folders.add(child);
          queue.push(child);
          continue;
        }
        const file = look(child);
        if (file !== undefined) files.set(child, file);
      }
    }
    // The names are complete before the first content is copied, so that new files are known even in a large workspace.
    for (const [path, file] of files) {
      if (performance.now() - startedAt > withinMs) break;
      if (performance.now() - turnAt > sliceMs) {
        await nextTurn();
        turnAt = performance.now();
      }
      if (file.copy === undefined && file.state.kind === 'file') files.set(path, await copy(path, file, at));
    }
    for (const [path, file] of known)
      if (file.copy !== undefined && files.get(path)?.copy !== file.copy) outdated.push(file);
    known = files;
    return { files, folders, isComplete };
  }

  /** Removes the copies that no program needs. */
  async function tidy(): Promise<void> {
    if (programs > 0 || folder === undefined) return;
    const at = await folder;
    if (isClosed) {
      folder = undefined;
      known = new Map();
      outdated.splice(0);
      totalBytes = 0;
      await rm(at, { recursive: true, force: true });
      return;
    }
    for (const { copy, state } of outdated.splice(0)) {
      if (state.kind === 'file') totalBytes -= state.bytes;
      if (copy !== undefined) await rm(join(at, copy), { force: true });
    }
  }

  function enqueue<T>(step: () => Promise<T>): Promise<T> {
    const result = work.then(step);
    work = result.catch(() => undefined);
    return result;
  }

  async function read({ state, copy }: KnownFile): Promise<SeenState> {
    if (copy === undefined || folder === undefined) return { state };
    const content = await readFile(join(await folder, copy)).catch(() => undefined);
    return content === undefined ? { state } : { state, content };
  }

  function look(path: string): KnownFile | undefined {
    const absolute = `${root}/${path}`;
    try {
      const stats = lstatSync(absolute, { bigint: true, throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      const version = versionOf(stats);
      const before = known.get(path);
      if (before?.version === version && before.copy !== undefined) return before;
      if (stats.isSymbolicLink())
        return { version, state: { kind: 'link', target: readlinkSync(absolute) }, copy: undefined };
      if (!stats.isFile()) return undefined;
      const mode = Number(stats.mode) & 0o7777;
      return { version, state: { kind: 'file', bytes: Number(stats.size), mode }, copy: undefined };
    } catch (error) {
      if (error instanceof Error && 'code' in error) return undefined;
      throw error;
    }
  }

  /** The file with a copy, if it is within the limits and can be read. */
  async function copy(path: string, file: KnownFile, at: string): Promise<KnownFile> {
    if (file.state.kind !== 'file') return file;
    const { bytes, mode } = file.state;
    if (bytes > maxFileBytes || totalBytes + bytes > maxTotalBytes) return file;
    try {
      const content = readVerified(`${root}/${path}`, file.version);
      if (content === undefined) return file;
      const name = String(nextCopy++);
      await writeFile(join(at, name), content, { mode: 0o600 });
      totalBytes += content.length;
      const state: FileState = { kind: 'file', bytes: content.length, mode, hash: hashOf(content) };
      return { ...file, state, copy: name };
    } catch (error) {
      // The file is gone, or the server may not read it.
      if (error instanceof Error && 'code' in error) return file;
      throw error;
    }
  }

  return {
    async watch() {
      programs++;
      let hasEnded = false;
      const end = async (): Promise<void> => {
        if (hasEnded) return;
        hasEnded = true;
        programs--;
        await enqueue(tidy);
      };
      try {
        return { before: await enqueue(walk), after: () => enqueue(walk), read, end };
      } catch (error) {
        await end();
        throw error;
      }
    },
    async close() {
      isClosed = true;
      await enqueue(tidy);
    },
  };
}

/** Changes with each write, and with the permission bits. */
function versionOf({ ino, size, mtimeNs, ctimeNs, mode }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs} ${mode}`;
}

/** Undefined if another version is at the path by now, or if it leads elsewhere. */
function readVerified(absolute: string, version: string): Buffer | undefined {
  const file = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const opened = fstatSync(file, { bigint: true });
    if (!opened.isFile() || versionOf(opened) !== version) return undefined;
    const real =
      process.platform === 'linux' ? readlinkSync(`/proc/self/fd/${file}`) : realpathSync(absolute);
    return real === absolute ? readFileSync(file) : undefined;
  } finally {
    closeSync(file);
  }
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // It was deleted, or the server may not read it.
    return [];
  }
}

/** A folder for this process. Those of processes that have ended are removed. */
async function openFolder(stateFolder: string | undefined): Promise<string> {
  if (stateFolder === undefined) return mkdtemp(join(tmpdir(), `codebuddy-${prefix}`));
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(stateFolder)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    if (pid !== process.pid && !isProcessAlive(pid))
      await rm(join(stateFolder, name), { recursive: true, force: true });
  }
  return mkdtemp(join(stateFolder, `${prefix}${process.pid}-`));
}
