// Compares the workspace before and after a command. Decides which files are removed, because the command created them
// without a permission, and which changes the result reports.

import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import { findDoubts } from './git-folder.ts';
import type { FileState, Scan } from './scan-workspace.ts';

/** The state before the command; plain data, since the journal keeps it for the next start. */
export interface Before {
  /** Unix ms. */
  readonly startedAt: number;
  readonly isComplete: boolean;
  /** Git folders by path, with their covered entries. */
  readonly gitFolders: Readonly<Record<string, { readonly id: string; readonly covered: readonly string[] }>>;
  readonly guarded: Readonly<Record<string, FileState & { readonly isCovered: boolean }>>;
  readonly told: Readonly<Record<string, FileState>>;
  /** Device and inode of placeholders, by path. */
  readonly placeholders: Readonly<Record<string, string>>;
}

export interface Change {
  /** Relative to the workspace. */
  readonly path: string;
  readonly change: 'created' | 'modified';
  /** Ends "it is run by ...". */
  readonly runBy: string;
}

export interface Verdict {
  readonly remove: readonly Change[];
  readonly tell: readonly Change[];
}

export interface JudgeOptions {
  readonly root: string;
  readonly before: Before;
  readonly after: Scan;
  /** True for paths that a rule allows commands to change, and for files that tools wrote meanwhile. */
  readonly isAllowed: (path: string) => boolean;
}

export function judgeChanges(options: JudgeOptions): Verdict {
  const { before, after } = options;
  const guarded = judgeGuarded(options);
  const told = [...after.told]
    .filter(([path, state]) => isChanged(before.told[path], state) && mayBeNew(options, path))
    .map(([path, { runBy }]) => changeOf(path, before.told[path], runBy));
  return {
    remove: [...judgeGitFolders(options), ...guarded.remove],
    tell: [...guarded.tell, ...told],
  };
}

function judgeGitFolders({ root, before, after, isAllowed }: JudgeOptions): readonly Change[] {
  const known = new Map(Object.values(before.gitFolders).map((folder) => [folder.id, folder.covered]));
  const isKnown = (folder: string): boolean =>
    after.gitFolders.has(relative(root, folder).split(sep).join('/'));
  const changes: Change[] = [];
  for (const [folder, { id }] of after.gitFolders) {
    // Found by its id: a folder that was moved has kept its covers.
    const covered = known.get(id);
    for (const { name, why } of doubtsIn(join(root, folder), { root, isKnown })) {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (covered?.includes(name) || isAllowed(path)) continue;
      if (covered === undefined && !mayBeNew({ root, before }, path)) continue;
      changes.push({ path, change: 'created', runBy: `git: it ${why}` });
    }
  }
  return changes;
}

function doubtsIn(...args: Parameters<typeof findDoubts>): ReturnType<typeof findDoubts> {
  try {
    return findDoubts(...args);
  } catch {
    // The folder was deleted or cannot be read.
    return [];
  }
}

function judgeGuarded({ root, before, after, isAllowed }: JudgeOptions): Verdict {
  const coveredIds = new Set(
    Object.values(before.guarded)
      .filter(({ isCovered }) => isCovered)
      .map(({ id }) => id),
  );
  const remove: Change[] = [];
  const tell: Change[] = [];
  for (const [path, state] of after.guarded) {
    const was = before.guarded[path];
    if (isAllowed(path) || before.placeholders[path] === state.id) continue;
    if (!isChanged(was, state)) continue;
    const change = changeOf(path, was, state.runBy);
    // The same file: its cover was in place, so it was changed from outside the sandbox or by another of its names.
    if (was?.isCovered && was.id === state.id) tell.push(change);
    // In the same folder as before: a command cannot replace a covered file there.
    else if (was?.isCovered && was.parentId === state.parentId) tell.push(change);
    else if (coveredIds.has(state.id)) continue;
    else if (isGitFile(path, state)) {
      // Git folders in the workspace were judged on their own.
      if (!leadsInside(root, path)) tell.push(change);
    } else if (mayBeNew({ root, before }, path)) remove.push(change);
  }
  return { remove, tell };
}

function isGitFile(path: string, { kind }: FileState): boolean {
  return kind !== 'folder' && /(?:^|\/)\.git$/i.test(path);
}

/** True if the `.git` file of a worktree or submodule names a git folder in the workspace. */
function leadsInside(root: string, path: string): boolean {
  try {
    const file = join(root, path);
    const stats = lstatSync(file);
    if (stats.isSymbolicLink()) return isInFolder(realpathSync(file), root);
    const named = /^gitdir: (.+)$/.exec(stats.size > 4096 ? '' : readFileSync(file, 'utf8').trim())?.[1];
    return named !== undefined && isInFolder(resolve(dirname(file), named), root);
  } catch {
    return false;
  }
}

function isChanged(was: FileState | undefined, is: FileState): boolean {
  return was === undefined || was.id !== is.id || was.version !== is.version;
}

function changeOf(path: string, was: FileState | undefined, runBy: string): Change {
  return { path, change: was === undefined ? 'created' : 'modified', runBy };
}

/**
 * If the scan before was incomplete, a file that was not touched since counts as old. Programs cannot set the ctime.
 */
function mayBeNew({ root, before }: Pick<JudgeOptions, 'root' | 'before'>, path: string): boolean {
  if (before.isComplete) return true;
  const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
  return stats !== undefined && stats.ctimeMs >= before.startedAt - 1000;
}
