// Compares the workspace before and after a command: what must be taken away, since the command made it where only a permission may, and what
// the result should tell.

import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import { findDoubts } from './git-folder.ts';
import type { FileState, Scan } from './scan-workspace.ts';

/** What is known from before the command; plain data, so that it can be kept for the next start. */
export interface Before {
  /** Unix ms. */
  readonly startedAt: number;
  readonly isComplete: boolean;
  /** Git folders by path, and which of their entries were covered. */
  readonly gitFolders: Readonly<Record<string, { readonly id: string; readonly covered: readonly string[] }>>;
  readonly guarded: Readonly<Record<string, FileState & { readonly isCovered: boolean }>>;
  readonly told: Readonly<Record<string, FileState>>;
  /** Stand-ins for missing names, with device and inode. */
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
  /** True for what a rule allows commands to change, and for what tools wrote meanwhile. */
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
    // A folder that was moved has taken its covers along.
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
    // Gone meanwhile, or nobody's to read.
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
    // The same file: a cover held it, so it was changed from outside, or by another name of it.
    if (was?.isCovered && was.id === state.id) tell.push(change);
    // In the same folder as before a covered file cannot be replaced from within.
    else if (was?.isCovered && was.parentId === state.parentId) tell.push(change);
    else if (coveredIds.has(state.id)) continue;
    else if (isGitFile(path, state)) {
      // Git folders of the workspace were judged themselves.
      if (!leadsInside(root, path)) tell.push(change);
    } else if (mayBeNew({ root, before }, path)) remove.push(change);
  }
  return { remove, tell };
}

function isGitFile(path: string, { kind }: FileState): boolean {
  return kind !== 'folder' && /(?:^|\/)\.git$/i.test(path);
}

/** True for a worktree's or submodule's `.git`, which names its git folder, in the workspace. */
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

/** Where not everything was seen before, what has not been touched since is taken for old. Nobody can set a file's ctime. */
function mayBeNew({ root, before }: Pick<JudgeOptions, 'root' | 'before'>, path: string): boolean {
  if (before.isComplete) return true;
  const stats = lstatSync(join(root, path), { throwIfNoEntry: false });
  return stats !== undefined && stats.ctimeMs >= before.startedAt - 1000;
}
