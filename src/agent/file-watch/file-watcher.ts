// Tells of each change of a file in a folder once, whoever made it. The system's watches only say where to look; what is told is the
// difference between a file as it was known and as it is. A new folder is watched first and read afterwards, so whatever is made in it
// is either found or hinted at.

import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IgnoreRules } from '../ignore/ignore-rules.ts';
import { versionOf } from '../tools/file-version.ts';
import { isTemporaryName } from '../tools/temporary-name.ts';
import { createFeedbackGuard } from './feedback-guard.ts';
import type { FileChange } from './file-change.ts';
import { below, Folder, nearest } from './folder-tree.ts';
import { createFolderWatches } from './folder-watch.ts';

export interface FileWatcher {
  /**
   * A tool is about to change this file and tells of it itself. Nothing is told of the file until the returned function is called, with
   * the version that the tool left, if it changed the file.
   */
  hold(path: string): (version: string | undefined) => void;
  /** Resolves when the files are known and changes are seen; also when that has failed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface FileWatcherOptions {
  /** The real path of the folder. */
  readonly root: string;
  /** At most 500 changes a call, in the order of their paths. */
  readonly onChanges: (changes: readonly FileChange[]) => void;
  /** Changes are not seen any more, or not all of them, or late; a person should know why. */
  readonly onError?: (error: unknown) => void;
  /** Files and folders that are not looked at, as absolute paths: those that the server writes itself. */
  readonly except?: readonly string[];
  /** Does the file hold the last event about itself, or about its folder? @default never */
  readonly isEcho?: (path: string) => Promise<boolean>;
  /** Where the user's ignore file is looked for. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Files beyond this are too many to know. @default 500 000 */
  readonly maxFiles?: number;
  /** How often a folder is looked at that the system does not watch. @default 2000 ms */
  readonly pollMs?: number;
}

interface SeenFile {
  readonly kind: 'file';
  readonly version: string;
  readonly bytes: number;
  readonly stats: BigIntStats;
}

type Seen = SeenFile | { readonly kind: 'folder'; readonly id: string } | { readonly kind: 'nothing' };

/** Files that are looked at at the same time, and between two turns of the event loop. */
const filesPerTurn = 200;
const changesPerCall = 500;
/** A file that was written less than this ago may be half-written; it is looked at again. */
const settleMs = 50;
/** An empty file has often been opened just now and gets its content soon, even from a program that waits for its turn. */
const emptyMs = 500;
/** A file that is gone may be about to be replaced; it is told after this time. */
const goneMs = 100;
/** A file that is written on and on is told at least so often. */
const unsettledAtMostMs = 200;
/** After lost hints the whole folder is compared when no more hints come for this long. */
const rescanAfterMs = 200;
const rescanAtLatestMs = 5000;

export function startFileWatcher(options: FileWatcherOptions): FileWatcher {
  const { root, onChanges, onError = () => undefined, except = [], maxFiles = 500_000 } = options;
  const { isEcho = async () => false, environment = process.env, pollMs = 2000 } = options;
  /** Versions by path. */
  const known = new Map<string, string>();
  const tree = new Folder('');
  const rules = new IgnoreRules(
    root,
    except.map((path) => relative(root, path).replaceAll(sep, '/')),
    environment,
  );
  /** Files are taken as they are, without a word, since this time (Unix ms); undefined: changes are told. */
  let learningSince: number | undefined;
  /** Files that were written, or made, about when they were learned: a hint about such a file is a change that was not told. */
  const uncertain = new Map<string, 'create' | 'modify'>();
  /** Where to look next. */
  let dirty = new Set<string>();
  const held = new Map<string, number>();
  /** Folders that the system does not watch. */
  const unwatched = new Set<string>();
  let isWarned = false;
  let polling: NodeJS.Timeout | undefined;
  let rescanning: NodeJS.Timeout | undefined;
  let rescanDueAt = 0;
  let isKnown = false;
  let isClosed = false;
  /** One piece of work after the other. */
  let work: Promise<void> = Promise.resolve();
  let isScheduled = false;
  /** Paths that are not settled, and since when (`performance.now()`). */
  const unsettled = new Map<string, number>();
  let settling: NodeJS.Timeout | undefined;

  const watches = createFolderWatches({ root, onHint, onUnwatched });
  const guard = createFeedbackGuard({
    isEcho,
    onRelease: (changes) => void enqueue(() => pass(changes)),
    warn: (message) => onError(new Error(message)),
    now: Date.now,
    setTimer(ms, done) {
      const timer = setTimeout(done, ms);
      return () => clearTimeout(timer);
    },
  });

  function enqueue(step: () => Promise<void>): Promise<void> {
    work = work.then(async () => {
      if (isClosed) return;
      await step().catch(onError);
    });
    return work;
  }

  function onHint(path: string | undefined): void {
    if (isClosed) return;
    if (path === undefined) {
      rescanDueAt = performance.now() + rescanAtLatestMs;
      rescanning ??= setTimeout(() => {
        rescanning = undefined;
        void enqueue(rescan);
      }, rescanAfterMs);
      return;
    }
    if (performance.now() < rescanDueAt) rescanning?.refresh();
    dirty.add(path);
    schedule();
  }

  function onUnwatched(folder: string, error: unknown): void {
    if (!isWarned)
      onError(
        new Error(
          `the system watches no more folders, so some are looked at every ${pollMs / 1000} s only: ${error instanceof Error ? error.message.replace(/, watch .*/, '') : String(error)}`,
        ),
      );
    isWarned = true;
    unwatched.add(folder);
    polling ??= setTimeout(poll, pollMs);
  }

  /** Looks at the folders that are not watched; a machine that is slow at it does it less often. */
  function poll(): void {
    const startedAt = performance.now();
    void enqueue(async () => {
      const changes: FileChange[] = [];
      for (const path of unwatched) {
        const { folder, name } = nearest(tree, path);
        const one = path === '' ? tree : folder.folders.get(name);
        if (one?.path !== path) unwatched.delete(path);
        else changes.push(...(await readFolder(one)));
      }
      await tell(changes);
      polling = undefined;
      if (unwatched.size > 0 && !isClosed)
        polling = setTimeout(poll, Math.max(pollMs, 5 * (performance.now() - startedAt)));
    });
  }

  function schedule(): void {
    if (isScheduled || !isKnown) return;
    isScheduled = true;
    void enqueue(async () => {
      isScheduled = false;
      const batch = dirty;
      dirty = new Set();
      await look(batch);
    });
  }

  /** Looks at paths that were named, and tells what has changed. */
  async function look(batch: ReadonlySet<string>): Promise<void> {
    if (tree.isReplaced) await checkRoot();
    const wanted = new Map<Folder, Set<string>>();
    for (const path of [...batch].sort()) {
      const { folder, name } = nearest(tree, path);
      // What lies in a folder that is not known any more is looked at with that folder.
      if (folder.pathOf(name) !== path) unsettled.delete(path);
      if (name === '') continue;
      const names = wanted.get(folder);
      if (names === undefined) wanted.set(folder, new Set([name]));
      else names.add(name);
    }
    // Rules first: files that came with them are judged by them.
    let areRulesChanged = false;
    for (const [folder, names] of wanted) {
      if (!names.has('.gitignore')) continue;
      areRulesChanged = true;
      await rules.load(folder.path);
    }
    const changes: FileChange[] = [];
    for (const [folder, names] of wanted) changes.push(...(await compare(folder, [...names])));
    await tell(changes);
    if (areRulesChanged) await followRules();
  }

  async function checkRoot(): Promise<void> {
    tree.isReplaced = false;
    const seen = await see('');
    if (seen.kind !== 'folder') throw new Error(`the folder ${root} is gone`);
    if (seen.id === tree.id) return;
    await tell(await enter(tree));
  }

  async function compare(folder: Folder, names: readonly string[]): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    for (let at = 0; at < names.length; at += filesPerTurn) {
      if (isClosed) return [];
      const some = names.slice(at, at + filesPerTurn).filter((name) => !isTemporaryName(name));
      const seen = await Promise.all(some.map((name) => see(folder.pathOf(name))));
      for (const [index, name] of some.entries())
        changes.push(...(await apply(folder, name, seen[index] as Seen)));
      await nextTurn();
    }
    return changes;
  }

  async function apply(folder: Folder, name: string, seen: Seen): Promise<readonly FileChange[]> {
    const path = folder.pathOf(name);
    const child = folder.folders.get(name);
    if (seen.kind === 'folder') {
      if (rules.isIgnored(path, true)) {
        // Left out from now on: nothing has gone.
        if (child !== undefined) leave(folder, name);
        return [];
      }
      const gone = folder.files.has(name) ? forgetFile(folder, name) : [];
      if (child !== undefined && child.id === seen.id && !child.isReplaced) return gone;
      const entered = child ?? new Folder(path);
      folder.folders.set(name, entered);
      return [...gone, ...(await enter(entered))];
    }
    if (learningSince !== undefined) {
      if (seen.kind === 'file' && !known.has(path) && !rules.isIgnored(path, false))
        learnFile(folder, name, seen, learningSince);
      return [];
    }
    if (held.has(path)) {
      unsettled.set(path, performance.now());
      return [];
    }
    const before = known.get(path);
    if (isUnsettled(path, child !== undefined || before !== undefined, before, seen)) return [];
    const gone = child === undefined ? [] : leave(folder, name);
    if (seen.kind === 'nothing') return [...gone, ...forgetFile(folder, name)];
    if (rules.isIgnored(path, false)) return gone;
    remember(folder, name, seen.version);
    const untold = uncertain.get(path);
    uncertain.delete(path);
    if (before === seen.version && untold === undefined) return gone;
    const change = before === undefined ? 'create' : (untold ?? 'modify');
    return [...gone, { change, path, bytes: seen.bytes }];
  }

  function learnFile(folder: Folder, name: string, { version, stats }: SeenFile, since: number): void {
    remember(folder, name, version);
    // A file made in the millisecond in which learning began counts as one that was there.
    const isNew = Number(stats.birthtimeMs) > since;
    // The system's clock for files is a little behind.
    if (isNew || Number(stats.mtimeMs) >= since - 10)
      uncertain.set(folder.pathOf(name), isNew ? 'create' : 'modify');
  }

  function remember(folder: Folder, name: string, version: string): void {
    folder.files.add(name);
    known.set(folder.pathOf(name), version);
    if (known.size <= maxFiles) return;
    stop();
    throw new Error(`the folder holds more than ${maxFiles} files; set "watch" to false, or ignore some`);
  }

  function forgetFile(folder: Folder, name: string): readonly FileChange[] {
    const path = folder.pathOf(name);
    folder.files.delete(name);
    uncertain.delete(path);
    return known.delete(path) ? [{ change: 'delete', path }] : [];
  }

  /** Watches the folder, reads it, and so on below. */
  async function enter(folder: Folder): Promise<readonly FileChange[]> {
    if (isClosed) return [];
    folder.watch?.close();
    folder.isReplaced = false;
    unwatched.delete(folder.path);
    folder.watch = watches.watch(folder.path, () => {
      folder.isReplaced = true;
      onHint(folder.path);
    });
    // After the watch: whichever folder is here now, the watch is on it, or says that it is gone.
    const seen = await see(folder.path);
    folder.id = seen.kind === 'folder' ? seen.id : '';
    return readFolder(folder);
  }

  async function readFolder(folder: Folder): Promise<readonly FileChange[]> {
    const names = await readdir(join(root, folder.path)).catch((): string[] => []);
    if (names.includes('.gitignore')) await rules.load(folder.path);
    else rules.forget(folder.path);
    const present = new Set(names);
    const gone = [...folder.files, ...folder.folders.keys()].filter((name) => !present.has(name));
    return compare(folder, [...names.sort(), ...gone]);
  }

  /** What was in a folder that went, or that is not looked at any more. */
  function leave(parent: Folder, name: string): FileChange[] {
    const changes: FileChange[] = [];
    for (const folder of below(parent.folders.get(name) as Folder)) {
      folder.watch?.close();
      unwatched.delete(folder.path);
      rules.forget(folder.path);
      for (const file of folder.files) changes.push(...forgetFile(folder, file));
    }
    parent.folders.delete(name);
    return changes;
  }

  function isUnsettled(path: string, isNamed: boolean, before: string | undefined, seen: Seen): boolean {
    const now = performance.now();
    const since = unsettled.get(path) ?? now;
    const isOpen =
      seen.kind === 'file'
        ? seen.version !== before && isBeingWritten(seen, now - since)
        : isNamed && now - since < goneMs;
    if (isOpen) {
      unsettled.set(path, since);
      settle();
    } else unsettled.delete(path);
    return isOpen;
  }

  function isBeingWritten({ bytes, stats }: SeenFile, waitedMs: number): boolean {
    const ageMs = Math.abs(Date.now() - Number(stats.mtimeMs));
    return bytes === 0
      ? ageMs < emptyMs && waitedMs < emptyMs
      : ageMs < settleMs && waitedMs < unsettledAtMostMs;
  }

  function settle(): void {
    settling ??= setTimeout(() => {
      settling = undefined;
      for (const name of unsettled.keys()) if (!held.has(name)) dirty.add(name);
      schedule();
    }, settleMs);
  }

  async function see(path: string): Promise<Seen> {
    try {
      const stats = await lstat(join(root, path), { bigint: true });
      if (stats.isDirectory())
        return { kind: 'folder', id: `${stats.dev} ${stats.ino} ${stats.birthtimeNs}` };
      if (!stats.isFile()) return { kind: 'nothing' };
      return { kind: 'file', version: versionOf(stats), bytes: Number(stats.size), stats };
    } catch {
      // Gone, or behind a folder that is.
      return { kind: 'nothing' };
    }
  }

  async function tell(changes: readonly FileChange[]): Promise<void> {
    if (changes.length === 0 || !isKnown) return;
    await pass(await guard.admit(changes));
  }

  async function pass(changes: readonly FileChange[]): Promise<void> {
    const sorted = [...changes].sort((left, right) => (left.path < right.path ? -1 : 1));
    for (let at = 0; at < sorted.length && !isClosed; at += changesPerCall) {
      onChanges(sorted.slice(at, at + changesPerCall));
      await nextTurn();
    }
  }

  /** Compares everything: hints were lost. */
  async function rescan(): Promise<void> {
    const changes: FileChange[] = [];
    for (const folder of [...below(tree)]) changes.push(...(await readFolder(folder)));
    await tell(changes);
  }

  /** Files that are left out now are forgotten, others are known from now on: neither has changed. */
  async function followRules(): Promise<void> {
    for (const folder of [...below(tree)]) {
      if (folder.path !== '' && rules.isIgnored(folder.path, true)) {
        const { folder: parent, name } = nearest(tree, folder.path);
        leave(parent, name);
        continue;
      }
      for (const name of folder.files)
        if (rules.isIgnored(folder.pathOf(name), false)) forgetFile(folder, name);
    }
    await learn(async () => {
      for (const folder of [...below(tree)]) await readFolder(folder);
    });
  }

  /** What is new in the work is taken as it is. */
  async function learn(read: () => Promise<unknown>): Promise<void> {
    learningSince = Date.now();
    try {
      await read();
    } finally {
      learningSince = undefined;
    }
  }

  async function begin(): Promise<void> {
    await rules.loadOuter();
    await learn(() => enter(tree));
    isKnown = true;
    if (dirty.size > 0) schedule();
  }

  function stop(): void {
    isClosed = true;
    clearTimeout(settling);
    clearTimeout(rescanning);
    clearTimeout(polling);
    guard.close();
    for (const folder of below(tree)) folder.watch?.close();
  }

  const ready = enqueue(begin);
  return {
    ready,
    hold(path) {
      held.set(path, (held.get(path) ?? 0) + 1);
      return (version) => {
        const others = (held.get(path) ?? 1) - 1;
        if (others > 0) held.set(path, others);
        else held.delete(path);
        if (version !== undefined && !rules.isIgnored(path, false)) {
          known.set(path, version);
          const { folder, name } = nearest(tree, path);
          if (folder.pathOf(name) === path) folder.files.add(name);
        }
        if (unsettled.has(path)) settle();
      };
    },
    async close() {
      stop();
      await work;
      // Also what the last piece of work has begun to watch.
      stop();
      known.clear();
    },
  };
}
