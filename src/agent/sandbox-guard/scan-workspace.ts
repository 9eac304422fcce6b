// Scans the whole workspace for git folders and files that run later, before and after each command. Works in slices,
// so that requests are answered meanwhile, and within a time limit; the result says if it is incomplete. Links are not
// followed.

import { type BigIntStats, type Dirent, lstatSync, readdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FilesThatRunLater } from '../permissions/files-that-run-later.ts';
import { isGitFolder } from '../permissions/is-git-folder.ts';

/** Distinguishes a file from another one at the same path, and its content from earlier content. */
export interface FileState {
  /** Device and inode. */
  readonly id: string;
  /** Device and inode of its folder. */
  readonly parentId: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Changes with each write; undefined for a folder. */
  readonly version: string | undefined;
  readonly runBy: string;
}

/** Paths are relative to the root, with `/`; the root itself is ''. */
export interface Scan {
  /** Git folders, outer ones first, with the names of their entries. */
  readonly gitFolders: ReadonlyMap<string, { readonly id: string; readonly names: readonly string[] }>;
  /** Files that only a permission may change: the outermost listed file or folder. */
  readonly guarded: ReadonlyMap<string, FileState>;
  /** Files that run later by design. Their changes are reported. */
  readonly told: ReadonlyMap<string, FileState>;
  /** False if the time limit ended the scan early. */
  readonly isComplete: boolean;
}

export interface ScanOptions {
  readonly root: string;
  readonly list: FilesThatRunLater;
  /** More files and folders that only a permission may change, with the programs that run them. */
  readonly extra?: ReadonlyMap<string, string>;
  /** In ms. @default 3000 */
  readonly withinMs?: number;
}

/** Time of work between two turns of the event loop. */
const sliceMs = 8;

interface Folder {
  readonly path: string;
  /** True below a folder of installed packages, where only git folders count. */
  readonly isPackages: boolean;
  /** True for entries to look at; undefined: all. */
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
      // It contains the git folders of submodules and worktrees; the rest is git's data.
      if (isDotGit && !/^(?:modules|worktrees)$/i.test(entry.name)) continue;
      lookAt(entry, folder, absolute, isGit);
    }
  }

  function lookAt(entry: Dirent, folder: Folder, parent: string, isInGit: boolean): void {
    // Files of installed packages do not count, and there are many.
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

/** False for the thousands of folders of a repository's objects, which contain no git folders. */
function isNoObject(name: string): boolean {
  return !/^(?:[0-9a-f]{2}|pack|info)$/.test(name);
}

function statsOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    // Treated like a missing file, as below.
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
    // The folder was deleted, or the server may not read it; then a command cannot do more in it either.
    return [];
  }
}
