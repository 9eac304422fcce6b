// Reports each change of a file in a folder once, by any program. The system's watches only give hints where to look; a
// report is the difference between the known and the current version of the file. A new folder is watched first and
// read afterwards, so a file created in it is either read or hinted at.

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IgnoreRules } from '../ignore/ignore-rules.ts';
import { isTemporaryName } from '../tools/temporary-name.ts';
import { createFeedbackGuard } from './feedback-guard.ts';
import type { FileChange } from './file-change.ts';
import { below, Folder, folderAt, nearest } from './folder-tree.ts';
import { createFolderWatches } from './folder-watch.ts';
import { lookAt, type Seen, type SeenFile } from './look-at.ts';
import { createUnsettledFiles } from './unsettled-files.ts';
import { createUnwatchedFolders } from './unwatched-folders.ts';

export interface FileWatcher {
  /**
   * Called before a tool changes this file and reports the change itself. The watcher reports nothing about the file
   * until the returned function is called with the version that the tool left, or undefined if it did not change the
   * file.
   */
  hold(path: string): (version: string | undefined) => void;
  /** Resolves when all files are known and changes are seen, or when that has failed. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

export interface FileWatcherOptions {
  /** The real path of the folder. */
  readonly root: string;
  /** Called with at most 500 changes, sorted by path. */
  readonly onChanges: (changes: readonly FileChange[]) => void;
  /** Called with a warning for the operator when some or all changes are no longer seen, or seen late. */
  readonly onError?: (error: unknown) => void;
  /** Files and folders to leave out, as absolute paths: those that the server writes itself. */
  readonly except?: readonly string[];
  /** Returns true if the file contains the last event about itself, or about its folder. @default false */
  readonly isEcho?: (path: string) => Promise<boolean>;
  /** Determines where the user's ignore file is. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** The watcher stops if the folder holds more files than this. @default 500 000 */
  readonly maxFiles?: number;
  /** How often a folder is read that the system does not watch, in ms. @default 2000 */
  readonly pollMs?: number;
}

/** Files that are looked at in parallel, and between two turns of the event loop. */
const filesPerTurn = 200;
const changesPerCall = 500;
/** After hints were lost, the whole folder is compared once no hint has come for this long. */
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
  /** Since this time (Unix ms) new files are learned without a report; undefined: changes are reported. */
  let learningSince: number | undefined;
  /**
   * Files that were written or created close to the time when they were learned: a hint about such a file is an
   * unreported change.
   */
  const uncertain = new Map<string, 'create' | 'modify'>();
  /** Paths to look at next. */
  let dirty = new Set<string>();
  /** Files that tools are changing, with the number of calls. */
  const held = new Map<string, number>();
  let rescanning: NodeJS.Timeout | undefined;
  let rescanDueAt = 0;
  let isKnown = false;
  let isClosed = false;
  /** The last step; steps run one after the other. */
  let work: Promise<void> = Promise.resolve();
  let isScheduled = false;

  const unsettled = createUnsettledFiles((paths) => {
    for (const path of paths) if (!held.has(path)) dirty.add(path);
    schedule();
  });
  const unwatched = createUnwatchedFolders({
    pollMs,
    onError,
    read: (paths) =>
      enqueue(async () => {
        const changes: FileChange[] = [];
        for (const path of paths) {
          const folder = folderAt(tree, path);
          if (folder === undefined) unwatched.delete(path);
          else changes.push(...(await readFolder(folder)));
        }
        await report(changes);
      }),
  });
  const watches = createFolderWatches({ root, onHint, onUnwatched: unwatched.add });
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

  /** Looks at the given paths and reports what has changed. */
  async function look(batch: ReadonlySet<string>): Promise<void> {
    if (tree.isReplaced) await checkRoot();
    const wanted = new Map<Folder, Set<string>>();
    for (const path of [...batch].sort()) {
      const { folder, name } = nearest(tree, path);
      // A path below a folder that is not known is looked at together with that folder.
      if (folder.pathOf(name) !== path) unsettled.forget(path);
      if (name === '') continue;
      const names = wanted.get(folder);
      if (names === undefined) wanted.set(folder, new Set([name]));
      else names.add(name);
    }
    // Rules come first: files that were created together with them are judged by them.
    let areRulesChanged = false;
    for (const [folder, names] of wanted) {
      if (!names.has('.gitignore')) continue;
      areRulesChanged = true;
      await rules.load(folder.path);
    }
    const changes: FileChange[] = [];
    for (const [folder, names] of wanted) changes.push(...(await compare(folder, [...names])));
    // Before the report: a reader of the change may create files in the folders that are no longer ignored.
    if (areRulesChanged) await followRules();
    await report(changes);
  }

  async function checkRoot(): Promise<void> {
    tree.isReplaced = false;
    const seen = await lookAt(root, '');
    if (seen.kind !== 'folder') throw new Error(`the folder ${root} is gone`);
    if (seen.id === tree.id) return;
    await report(await enter(tree));
  }

  async function compare(folder: Folder, names: readonly string[]): Promise<FileChange[]> {
    const changes: FileChange[] = [];
    for (let at = 0; at < names.length; at += filesPerTurn) {
      if (isClosed) return [];
      const some = names.slice(at, at + filesPerTurn).filter((name) => !isTemporaryName(name));
      const seen = await Promise.all(some.map((name) => lookAt(root, folder.pathOf(name))));
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
        // The folder is ignored from now on; none of its files was deleted.
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
      unsettled.defer(path);
      return [];
    }
    const before = known.get(path);
    if (unsettled.isUnsettled(path, child !== undefined || before !== undefined, before, seen)) return [];
    const gone = child === undefined ? [] : leave(folder, name);
    if (seen.kind === 'nothing') return [...gone, ...forgetFile(folder, name)];
    if (rules.isIgnored(path, false)) return gone;
    remember(folder, name, seen.version);
    const unreported = uncertain.get(path);
    uncertain.delete(path);
    if (before === seen.version && unreported === undefined) return gone;
    const change = before === undefined ? 'create' : (unreported ?? 'modify');
    return [...gone, { change, path, bytes: seen.bytes }];
  }

  function learnFile(folder: Folder, name: string, { version, stats }: SeenFile, since: number): void {
    remember(folder, name, version);
    // A file created in the millisecond in which learning began counts as one that existed before.
    const isNew = Number(stats.birthtimeMs) > since;
    // The system's clock for file times is slightly behind.
    if (isNew || Number(stats.mtimeMs) >= since - 10)
      uncertain.set(folder.pathOf(name), isNew ? 'create' : 'modify');
  }

  function remember(folder: Folder, name: string, version: string): void {
    folder.files.add(name);
    known.set(folder.pathOf(name), version);
    if (known.size <= maxFiles) return;
    stop();
    throw new Error(
      `the folder holds more than ${maxFiles} files; set "watch" to false, or ignore some of them`,
    );
  }

  function forgetFile(folder: Folder, name: string): readonly FileChange[] {
    const path = folder.pathOf(name);
    folder.files.delete(name);
    uncertain.delete(path);
    return known.delete(path) ? [{ change: 'delete', path }] : [];
  }

  /** Watches the folder, reads it, and does the same with the folders below. */
  async function enter(folder: Folder): Promise<readonly FileChange[]> {
    if (isClosed) return [];
    folder.watch?.close();
    folder.isReplaced = false;
    unwatched.delete(folder.path);
    folder.watch = watches.watch(folder.path, () => {
      folder.isReplaced = true;
      onHint(folder.path);
    });
    // After the watch began: either the watch is on the folder that is here now, or it reports that the folder is gone.
    const seen = await lookAt(root, folder.path);
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

  /** Forgets a folder that is gone or ignored, and returns its files as deleted. */
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

  async function report(changes: readonly FileChange[]): Promise<void> {
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

  /** Compares everything, after hints were lost. */
  async function rescan(): Promise<void> {
    const changes: FileChange[] = [];
    for (const folder of [...below(tree)]) changes.push(...(await readFolder(folder)));
    await report(changes);
  }

  /**
   * Applies changed ignore rules: forgets files that are ignored now and learns the others. Neither is reported as a
   * change.
   */
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

  /** Runs `read`, and learns the files that it finds without reporting them. */
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
    clearTimeout(rescanning);
    unsettled.close();
    unwatched.close();
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
        unsettled.resume(path);
      };
    },
    async close() {
      stop();
      await work;
      // Again, for the watches that the last step has opened.
      stop();
      known.clear();
    },
  };
}
