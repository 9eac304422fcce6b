// Looks through the whole workspace for git folders and for files that run later, before a command and after it. In slices, so that requests are
// answered meanwhile, and within a time: what was not looked at is said to be so. Links are not followed.

import { type BigIntStats, type Dirent, lstatSync, readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { isGitFolder } from '../permissions/is-git-folder.ts';

/** What tells one file from another at the same path, and its content from an earlier one. */
export interface FileState {
  /** Device and inode. */
  readonly id: string;
  /** Those of its folder. */
  readonly parentId: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Changes with each write; of a folder undefined. */
  readonly version: string | undefined;
  readonly runBy: string;
}

/** Paths are relative to the root, with `/`; the root itself is ''. */
export interface Scan {
  /** Git folders, outer ones first, with the names of their entries. */
  readonly gitFolders: ReadonlyMap<string, { readonly id: string; readonly names: readonly string[] }>;
  /** What only a permission may change: the outermost file or folder of the list. */
  readonly guarded: ReadonlyMap<string, FileState>;
  /** What runs later by design. */
  readonly told: ReadonlyMap<string, FileState>;
  /** False if the time was over before everything was seen. */
  readonly isComplete: boolean;
}

export interface ScanOptions {
  readonly root: string;
  readonly list: FilesThatRunLater;
  /** Further files and folders that only a permission may change, and what runs each. */
  readonly extra?: ReadonlyMap<string, string>;
  /** @default 3 seconds */
  readonly withinMs?: number;
}

/** Work between two turns of the event loop. */
const sliceMs = 8;

interface Folder {
  readonly path: string;
  /** In a folder of installed packages, where names mean nothing but git folders count. */
  readonly isPackages: boolean;
  /** Which entries are worth a look; undefined: all. */
  readonly only?: (name: string) => boolean;
}

export async function scanWorkspace({
  root,
  list,
  extra = new Map(),
  withinMs = 3000,
}: ScanOptions): Promise<Scan> {
  const gitFolders = new Map<string, { id: string; names: readonly string[] }>();
  const guarded = new Map<string, FileState>();
  const told = new Map<string, FileState>();
  const queue: Folder[] = [{ path: '', isPackages: false }];
  const startedAt = performance.now();
  let turnAt = startedAt;
  let isComplete = true;

  for (let next = 0; next < queue.length; next++) {
    const now = performance.now();
    if (now - startedAt > withinMs) {
      isComplete = false;
      break;
    }
    if (now - turnAt > sliceMs) {
      await nextTurn();
      turnAt = performance.now();
    }
    look(queue[next] as Folder);
  }
  return { gitFolders, guarded, told, isComplete };

  function look(folder: Folder): void {
    const absolute = folder.path === '' ? root : `${root}/${folder.path}`;
    const entries = entriesOf(absolute);
    const names = entries.some(({ name }) => name.length === 4 && name.toLowerCase() === 'head')
      ? entries.map(({ name }) => name)
      : [];
    const isGit = names.length > 0 && isGitFolder(new Set(names.map((name) => name.toLowerCase())));
    if (isGit) {
      const id = idOf(absolute);
      if (id !== undefined) gitFolders.set(folder.path, { id, names });
    }
    const isDotGit = isGit && /(?:^|\/)\.git$/i.test(folder.path);
    for (const entry of entries) {
      if (folder.only !== undefined && !folder.only(entry.name)) continue;
      // Submodules and worktrees have their git folders in there; the rest is git's data.
      if (isDotGit && !/^(?:modules|worktrees)$/i.test(entry.name)) continue;
      lookAt(entry, folder, absolute, isGit);
    }
  }

  function lookAt(entry: Dirent, folder: Folder, parent: string, isInGit: boolean): void {
    // Installed packages are many files, and of those none counts.
    if (folder.isPackages && !entry.isDirectory()) return;
    const { name } = entry;
    const path = folder.path === '' ? name : `${folder.path}/${name}`;
    const extraRunBy = extra.get(path);
    const found =
      extraRunBy !== undefined
        ? { kind: 'ask' as const, runBy: extraRunBy }
        : folder.isPackages
          ? undefined
          : list.matchExactly(path);
    const isFolder = entry.isDirectory();
    if (isFolder && /^(?:\.git|git~1)$/i.test(name)) {
      queue.push({ path, isPackages: folder.isPackages });
      return;
    }
    if (found !== undefined && found.kind !== 'ask-only') {
      const state = stateOf(parent, path, found.runBy);
      if (found.kind === 'ask' && state !== undefined) guarded.set(path, state);
      if (found.kind === 'tell' && state?.kind === 'file') told.set(path, state);
      if (found.kind === 'ask') return;
    }
    if (!isFolder) return;
    const isPackages = folder.isPackages || found?.kind === 'ask-only';
    queue.push(isInGit && name === 'objects' ? { path, isPackages, only: isNoObject } : { path, isPackages });
  }

  function stateOf(parent: string, path: string, runBy: string): FileState | undefined {
    const stats = statsOf(`${root}/${path}`);
    const parentId = idOf(parent);
    if (stats === undefined || parentId === undefined) return undefined;
    const kind = stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'link' : 'file';
    return {
      id: `${stats.dev}:${stats.ino}`,
      parentId,
      kind,
      version: kind === 'folder' ? undefined : `${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`,
      runBy,
    };
  }
}

/** The thousands of folders of a repository's objects hold no others. */
function isNoObject(name: string): boolean {
  return !/^(?:[0-9a-f]{2}|pack|info)$/.test(name);
}

function statsOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // As below.
    return undefined;
  }
}

function idOf(path: string): string | undefined {
  const stats = statsOf(path);
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // Gone meanwhile, or closed to us: a command that we start can do no more in it.
    return [];
  }
}
