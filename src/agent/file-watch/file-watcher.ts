// Tells of each change of a file in a folder once, whoever made it. The native watcher only says where to look; what is told is the
// difference between a file as it was known and as it is.

import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AsyncSubscription, BackendType, Event } from '@parcel/watcher';
import { IgnoreRules } from './ignore-rules.ts';

export interface FileChange {
  readonly change: 'create' | 'modify' | 'delete';
  /** Relative to the root, with `/`. */
  readonly path: string;
  /** Absent for what was deleted. */
  readonly bytes?: number;
}

export interface FileWatcher {
  /** One of ours has just changed this file and tells of it itself: as it is now, it is known. */
  note(path: string): Promise<void>;
  /** Resolves when the files are known and changes are seen; also when that has failed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface FileWatcherOptions {
  /** The real path of the folder. */
  readonly root: string;
  /** At most 500 changes a call, in the order of their paths. */
  readonly onChanges: (changes: readonly FileChange[]) => void;
  /** Changes are not seen any more, or not all of them; a person should hear why. */
  readonly onError?: (error: unknown) => void;
  /** Files and folders that are not looked at, as absolute paths. What we write ourselves must be among them: each event would cause the next. */
  readonly except?: readonly string[];
  /** Files beyond this are too many to know. @default 500 000 */
  readonly maxFiles?: number;
}

/** A file as it was seen; two that are the same are not told apart. */
type State = string;

type Seen =
  | { readonly kind: 'file'; readonly state: State; readonly bytes: number; readonly changedAt: number }
  | { readonly kind: 'folder' }
  | { readonly kind: 'nothing' };

/** The system's own: by default the watcher starts a `watchman` of PATH, which may be anybody's, where it finds one. */
const backends: Partial<Record<NodeJS.Platform, BackendType>> = {
  darwin: 'fs-events',
  linux: 'inotify',
  win32: 'windows',
};
const backend = backends[process.platform];

/** Files that are looked at between two turns of the event loop, and at the same time. */
const filesPerTurn = 200;
const changesPerCall = 500;
/** A file that was written, or went, just now is looked at again after this time: it may be half-written, or about to be replaced. */
const settleMs = 30;
const looksAtMost = 3;

export function startFileWatcher(options: FileWatcherOptions): FileWatcher {
  const { root, onChanges, onError = () => undefined, except = [], maxFiles = 500_000 } = options;
  const known = new Map<string, State>();
  const rules = new IgnoreRules(
    root,
    except.map((path) => relative(root, path).replaceAll(sep, '/')),
  );
  /** Where to look next; what a change means while nothing is known yet. */
  let dirty = new Map<string, Event['type']>();
  let ignoredFolders: readonly string[] = [];
  let subscription: AsyncSubscription | undefined;
  let isKnown = false;
  let isClosed = false;
  /** One piece of work after the other. */
  let work: Promise<void> = Promise.resolve();
  let isScheduled = false;
  /** Files that are not settled, and how often they were looked at. */
  const unsettled = new Map<string, number>();
  let settling: NodeJS.Timeout | undefined;

  function enqueue(step: () => Promise<void>): Promise<void> {
    work = work.then(async () => {
      if (isClosed) return;
      await step().catch(onError);
    });
    return work;
  }

  async function subscribe(): Promise<AsyncSubscription> {
    const { subscribe: watch } = await import('@parcel/watcher');
    return watch(root, onEvents, {
      ignore: ['**/.git/**', ...ignoredFolders],
      ...(backend === undefined ? {} : { backend }),
    });
  }

  function onEvents(error: Error | null, events: readonly Event[]): void {
    if (isClosed) return;
    if (error !== null) {
      // Some were lost: whatever differs is told.
      onError(error);
      void enqueue(rescan);
      return;
    }
    for (const { path, type } of events) dirty.set(relative(root, path).replaceAll(sep, '/'), type);
    schedule();
  }

  function schedule(): void {
    if (isScheduled || !isKnown) return;
    isScheduled = true;
    void enqueue(async () => {
      isScheduled = false;
      const batch = dirty;
      dirty = new Map();
      await look(batch);
    });
  }

  /** Looks at paths that were named, and tells what has changed. */
  async function look(batch: ReadonlyMap<string, Event['type']>): Promise<void> {
    if (batch.has('')) {
      const isThere = await lstat(root).then(
        () => true,
        () => false,
      );
      if (!isThere) throw new Error(`the folder ${root} is gone`);
    }
    const changedRules = [...batch.keys()].filter((path) => basename(path) === '.gitignore');
    for (const path of changedRules) await rules.load(folderOf(path));
    const paths = new Set<string>();
    const gone = new Set<string>();
    let count = 0;
    for (const [path, type] of batch) {
      if (++count % filesPerTurn === 0) await nextTurn();
      if (rules.isIgnored(path, false)) continue;
      paths.add(path);
      if (type === 'delete' && !known.has(path)) gone.add(path);
    }
    if (gone.size > 0) {
      // Folders, as far as they were any: what was in them is looked at.
      for (const path of known.keys()) if (isBelow(path, gone)) paths.add(path);
    }
    await tell(await compare([...paths].sort()));
    if (changedRules.length > 0) await followRules();
  }

  async function compare(paths: readonly string[]): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    for (let at = 0; at < paths.length; at += filesPerTurn) {
      const some = paths.slice(at, at + filesPerTurn);
      for (const found of await Promise.all(some.map(compareOne))) changes.push(...found);
      if (isClosed) return [];
      await nextTurn();
    }
    return changes;
  }

  async function compareOne(path: string): Promise<readonly FileChange[]> {
    const seen = await see(path);
    if (seen.kind === 'folder') {
      // New, or renamed: the native watcher may not have named what was in it when it came.
      const inside: string[] = [];
      if (!rules.isIgnored(path, true)) await walk(path, (file) => inside.push(file));
      return compare(inside.filter((file) => !known.has(file)));
    }
    const before = known.get(path);
    if (isUnsettled(path, before, seen)) return [];
    if (seen.kind === 'nothing') {
      known.delete(path);
      return before === undefined ? [] : [{ change: 'delete', path }];
    }
    known.set(path, seen.state);
    if (before === seen.state) return [];
    return [{ change: before === undefined ? 'create' : 'modify', path, bytes: seen.bytes }];
  }

  function isUnsettled(path: string, before: State | undefined, seen: Seen): boolean {
    const isFresh =
      seen.kind === 'file'
        ? seen.state !== before && Math.abs(Date.now() - seen.changedAt) < settleMs
        : before !== undefined;
    const looks = (unsettled.get(path) ?? 0) + 1;
    if (!isFresh || looks >= looksAtMost || (seen.kind === 'nothing' && looks > 1)) {
      unsettled.delete(path);
      return false;
    }
    unsettled.set(path, looks);
    settling ??= setTimeout(() => {
      settling = undefined;
      for (const name of unsettled.keys()) if (!dirty.has(name)) dirty.set(name, 'update');
      schedule();
    }, settleMs);
    return true;
  }

  async function see(path: string): Promise<Seen> {
    try {
      const stats = await lstat(join(root, path));
      if (stats.isDirectory()) return { kind: 'folder' };
      if (!stats.isFile()) return { kind: 'nothing' };
      const { ino, size, mtimeMs } = stats;
      return { kind: 'file', state: `${ino} ${size} ${mtimeMs}`, bytes: size, changedAt: mtimeMs };
    } catch {
      // Gone, or behind a folder that is.
      return { kind: 'nothing' };
    }
  }

  async function tell(changes: readonly FileChange[]): Promise<void> {
    for (let at = 0; at < changes.length && !isClosed; at += changesPerCall) {
      onChanges(changes.slice(at, at + changesPerCall));
      await nextTurn();
    }
  }

  /** All files below a folder that are not left out; its rules are read on the way. */
  async function walk(
    folder: string,
    onFile: (path: string) => void,
    onIgnored: (folder: string) => void = () => undefined,
  ): Promise<void> {
    if (isClosed) return;
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    if (entries.some(({ name }) => name === '.gitignore')) await rules.load(folder);
    let count = 0;
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (rules.isIgnored(path, true)) onIgnored(path);
        else await walk(path, onFile, onIgnored);
      } else if (entry.isFile() && !rules.isIgnored(path, false)) onFile(path);
      if (++count % filesPerTurn === 0) await nextTurn();
    }
  }

  async function listAll(): Promise<{ readonly files: string[]; readonly ignored: string[] }> {
    const files: string[] = [];
    const ignored: string[] = [];
    await walk(
      '',
      (path) => {
        files.push(path);
        if (files.length > maxFiles)
          throw new Error(
            `the folder holds more than ${maxFiles} files; set "watch" to false, or ignore some`,
          );
      },
      (folder) => ignored.push(join(root, folder)),
    );
    return { files, ignored };
  }

  async function rescan(): Promise<void> {
    const { files } = await listAll();
    await tell(await compare([...new Set([...files, ...known.keys()])].sort()));
  }

  /** Takes files as they are, without a word. */
  async function learn(files: readonly string[]): Promise<void> {
    for (let at = 0; at < files.length && !isClosed; at += filesPerTurn) {
      const some = files.slice(at, at + filesPerTurn);
      const seen = await Promise.all(some.map(see));
      for (const [index, file] of seen.entries())
        if (file.kind === 'file') known.set(some[index] as string, file.state);
      await nextTurn();
    }
  }

  /** Files that are left out now are forgotten, others are known from now on: neither has changed. */
  async function followRules(): Promise<void> {
    for (const path of [...known.keys()]) if (rules.isIgnored(path, false)) known.delete(path);
    const { files, ignored } = await listAll();
    await learn(files.filter((path) => !known.has(path)));
    if (ignored.join('\0') === ignoredFolders.join('\0')) return;
    ignoredFolders = ignored;
    // In this order: the native watcher shares what it knows of a folder between subscriptions.
    await unsubscribe();
    subscription = await subscribe();
    // What happened in between.
    await rescan();
  }

  async function unsubscribe(): Promise<void> {
    // It fails where a folder that was watched is gone; then there is nothing to end.
    await subscription?.unsubscribe().catch(() => undefined);
    subscription = undefined;
  }

  async function begin(): Promise<void> {
    // Twice: the folders that are left out must be known before they would be watched.
    ignoredFolders = (await listAll()).ignored;
    if (isClosed) return;
    subscription = await subscribe();
    const { files } = await listAll();
    await learn(files);
    const early = dirty;
    dirty = new Map();
    isKnown = true;
    // What came meanwhile may be known already as it is now: the native watcher's word counts.
    const changes: FileChange[] = [];
    for (const [path, type] of early) {
      if (rules.isIgnored(path, false)) continue;
      const seen = await see(path);
      if (seen.kind === 'file')
        changes.push({ change: type === 'create' ? 'create' : 'modify', path, bytes: seen.bytes });
      else if (seen.kind === 'nothing' && type === 'delete' && known.delete(path))
        changes.push({ change: 'delete', path });
    }
    await tell(changes);
    if (dirty.size > 0) schedule();
  }

  const ready = enqueue(begin);
  return {
    ready,
    async note(path) {
      const seen = await see(path);
      if (seen.kind === 'file') known.set(path, seen.state);
      else known.delete(path);
    },
    async close() {
      isClosed = true;
      await work;
      clearTimeout(settling);
      await unsubscribe();
      known.clear();
    },
  };
}

function folderOf(path: string): string {
  const folder = dirname(path);
  return folder === '.' ? '' : folder;
}

function isBelow(path: string, folders: ReadonlySet<string>): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    if (folders.has(path.slice(0, end))) return true;
  return false;
}
