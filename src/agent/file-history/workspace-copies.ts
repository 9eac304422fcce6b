// Copies of the workspace's files, taken before a program runs that may change any of them: a command, an MCP server or
// another agent. They are kept in a private folder as long as this process runs, and only files that are new or have
// changed are copied again. Ignored files, and files beyond the limits, are left out. Works in slices, so that requests
// are answered meanwhile.

import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isProcessAlive } from '../../base/is-process-alive.ts';
import { IgnoreRules } from '../ignore/ignore-rules.ts';
import { isTemporaryName } from '../tools/temporary-name.ts';
import { type FileState, hashOf, type SeenState } from '../tools/workspace/file-state.ts';
import { type Copy, createCopyPacks, type PackWriter } from './copy-packs.ts';

/** A file or link at one moment. */
export interface KnownFile {
  readonly version: Version;
  readonly state: FileState;
  /** Undefined for a link, and for a file without a copy. */
  readonly copy: Copy | undefined;
}

/** Changes with each write, and with the permission bits. */
export type Version = Pick<Stats, 'ino' | 'size' | 'mtimeMs' | 'ctimeMs' | 'mode'>;

/** The copy may come later than the file is seen. */
interface CopiedFile extends KnownFile {
  state: FileState;
  copy: Copy | undefined;
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
  /** A program waits no longer for the copies, in ms. The rest is copied while it runs. @default 3000 */
  readonly copyWithinMs?: number;
}

const maxFiles = 100_000;
/** A program waits no longer for the names of the files. */
const withinMs = 3000;
/** Time of work between two turns of the event loop. */
const sliceMs = 8;
/** Ignore rules outside the workspace are read again after this time: that runs git. */
const outerRulesMs = 10_000;
const prefix = 'file-copies-';

export function createWorkspaceCopies(options: WorkspaceCopiesOptions): WorkspaceCopies {
  const { root, maxFileBytes, maxTotalBytes, copyWithinMs = withinMs } = options;
  const packs = createCopyPacks();
  const rules = new IgnoreRules(
    root,
    options.except.map((path) => relative(root, path).replaceAll(sep, '/')),
    options.environment,
  );
  let known = new Map<string, CopiedFile>();
  let knownFolders: ReadonlySet<string> = new Set();
  /** Of the rules that ignore none of the known files and folders. */
  let rulesVersion = rules.version;
  let folder: Promise<string> | undefined;
  /** Copies that are not the latest; programs that still run may need them. */
  const outdated: Copy[] = [];
  let programs = 0;
  let isClosed = false;
  let outerReadAt = Number.NEGATIVE_INFINITY;
  /** Steps run one after the other. */
  let work: Promise<unknown> = Promise.resolve();
  let waitingSteps = 0;

  /** `copiesAll`: also files that are known without a copy. */
  async function walk({ copiesAll }: { readonly copiesAll: boolean }): Promise<Snapshot> {
    if (performance.now() - outerReadAt > outerRulesMs) {
      await rules.loadOuter();
      outerReadAt = performance.now();
    }
    const files = new Map<string, CopiedFile>();
    const folders = new Set<string>();
    const fresh: [string, CopiedFile][] = [];
    const slices = createSlices();
    const queue: string[] = [''];
    let isComplete = true;
    for (let next = 0; next < queue.length && isComplete; next++) {
      const path = queue[next] as string;
      const entries = entriesOf(path === '' ? root : `${root}/${path}`);
      if (entries.some(({ name }) => name === '.gitignore')) await rules.load(path);
      else rules.forget(path);
      const areRulesKnown = rules.version === rulesVersion;
      for (const entry of entries) {
        if (slices.isOver()) {
          await slices.next();
          if (slices.elapsedMs() > withinMs) isComplete = false;
        }
        if (files.size >= maxFiles) isComplete = false;
        if (!isComplete) break;
        const child = path === '' ? entry.name : `${path}/${entry.name}`;
        const isFolder = entry.isDirectory();
        // Rules are slow to ask.
        const isKnown = areRulesKnown && (isFolder ? knownFolders : known).has(child);
        if (!isKnown && (isTemporaryName(entry.name) || rules.isIgnored(child, isFolder))) continue;
        if (isFolder) {
          folders.add(child);
          queue.push(child);
          continue;
        }
        const file = look(child);
        if (file === undefined) continue;
        files.set(child, file);
        if (known.get(child) !== file) fresh.push([child, file]);
      }
    }
    for (const [path, { copy }] of known)
      if (copy !== undefined && files.get(path)?.copy !== copy) outdated.push(copy);
    known = files;
    knownFolders = folders;
    rulesVersion = rules.version;
    // The names are complete before the first content is copied, so that new files are known even in a large workspace.
    await copyFiles(copiesAll ? files : fresh, () => slices.elapsedMs() < copyWithinMs);
    return { files, folders, isComplete };
  }

  /**
   * Copies the files that the walks had no time for, while the program runs or after it: only files that still have the
   * version that was seen before. Ends early if another step waits.
   */
  function copyRest(): void {
    const mayContinue = (): boolean => waitingSteps === 0 && !isClosed;
    // What fails here fails again, and is reported, before the next program.
    enqueue(async () => {
      if (mayContinue()) await copyFiles(known, mayContinue);
    }).catch(() => undefined);
  }

  async function copyFiles(
    files: Iterable<readonly [string, CopiedFile]>,
    mayContinue: () => boolean,
  ): Promise<void> {
    folder ??= openFolder(options.stateFolder);
    const pack = packs.write(await folder);
    const slices = createSlices();
    try {
      for (const [path, file] of files) {
        if (file.copy !== undefined || file.state.kind !== 'file') continue;
        if (slices.isOver()) {
          if (!mayContinue()) break;
          await slices.next();
        }
        copy(path, file, pack);
      }
    } finally {
      pack.end();
    }
  }

  /** Removes the copies that no program needs. */
  async function tidy(): Promise<void> {
    if (programs > 0 || folder === undefined) return;
    const at = await folder;
    if (isClosed) {
      folder = undefined;
      known = new Map();
      await rm(at, { recursive: true, force: true });
      return;
    }
    for (const copy of outdated.splice(0)) await packs.release(copy);
    for (const file of known.values()) {
      const { copy } = file;
      if (copy === undefined || !packs.isWasteful(copy)) continue;
      file.copy = undefined;
      await packs.release(copy);
    }
    copyRest();
  }

  function enqueue<T>(step: () => Promise<T>): Promise<T> {
    waitingSteps++;
    const result = work.then(() => {
      waitingSteps--;
      return step();
    });
    work = result.catch(() => undefined);
    return result;
  }

  async function read({ state, copy }: KnownFile): Promise<SeenState> {
    const content = copy === undefined ? undefined : await packs.read(copy);
    return content === undefined ? { state } : { state, content };
  }

  function look(path: string): CopiedFile | undefined {
    const absolute = `${root}/${path}`;
    try {
      const stats = lstatSync(absolute, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      const before = known.get(path);
      if (before !== undefined && isSameVersion(before.version, stats)) return before;
      const version = versionOf(stats);
      if (stats.isSymbolicLink())
        return { version, state: { kind: 'link', target: readlinkSync(absolute) }, copy: undefined };
      if (!stats.isFile()) return undefined;
      const { size: bytes, mode } = stats;
      return { version, state: { kind: 'file', bytes, mode: mode & 0o7777 }, copy: undefined };
    } catch (error) {
      if (error instanceof Error && 'code' in error) return undefined;
      throw error;
    }
  }

  /** Copies the file if it is within the limits and can be read. */
  function copy(path: string, file: CopiedFile, pack: PackWriter): void {
    if (file.state.kind !== 'file') return;
    const { bytes, mode } = file.state;
    if (bytes > maxFileBytes || packs.neededBytes + bytes > maxTotalBytes) return;
    try {
      const content = readVerified(`${root}/${path}`, file.version);
      if (content === undefined) return;
      file.copy = pack.add(content, () => {
        file.copy = undefined;
      });
      file.state = { kind: 'file', bytes: content.length, mode, hash: hashOf(content) };
    } catch (error) {
      // The file is gone, or the server may not read it.
      if (!(error instanceof Error && 'code' in error)) throw error;
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
        const before = await enqueue(() => walk({ copiesAll: true }));
        copyRest();
        return { before, after: () => enqueue(() => walk({ copiesAll: false })), read, end };
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

function createSlices() {
  const startedAt = performance.now();
  let turnAt = startedAt;
  return {
    elapsedMs: () => performance.now() - startedAt,
    isOver: () => performance.now() - turnAt > sliceMs,
    /** Lets other work run. */
    async next() {
      await nextTurn();
      turnAt = performance.now();
    },
  };
}

function versionOf({ ino, size, mtimeMs, ctimeMs, mode }: Stats): Version {
  return { ino, size, mtimeMs, ctimeMs, mode };
}

export function isSameVersion(left: Version, right: Version): boolean {
  return (
    left.ctimeMs === right.ctimeMs &&
    left.mtimeMs === right.mtimeMs &&
    left.size === right.size &&
    left.ino === right.ino &&
    left.mode === right.mode
  );
}

/** Undefined if another version is at the path by now, or if it leads elsewhere. */
function readVerified(absolute: string, version: Version): Buffer | undefined {
  const file = openSync(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const opened = fstatSync(file);
    if (!opened.isFile() || !isSameVersion(version, opened)) return undefined;
    const real =
      process.platform === 'linux' ? readlinkSync(`/proc/self/fd/${file}`) : realpathSync(absolute);
    if (real !== absolute) return undefined;
    const content = Buffer.allocUnsafe(version.size);
    const bytes = readSync(file, content, 0, version.size, 0);
    // A program may have written meanwhile, and the time of a write changes before the content.
    return bytes === version.size && isSameVersion(version, fstatSync(file)) ? content : undefined;
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
