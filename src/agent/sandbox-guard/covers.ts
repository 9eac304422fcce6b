// Covers keep files read-only inside the writable workspace. This file plans them and builds the bubblewrap arguments;
// it reads the file system but changes nothing.
//
// Covers on `.git/config` and `.git/hooks` alone are not enough: `mv .git x; cp -r x .git` puts a writable copy in
// their place. A mount point cannot be renamed, so `.git` becomes one itself first. Each cover is a file or folder
// bound onto itself: then no file of the server has to be readable for the user that runs the command.

import { lstatSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import type { Scan } from './scan-workspace.ts';

export interface Cover {
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  readonly access: 'read-only' | 'mount-point';
}

/** An empty file or folder that stands in for a missing name, which the command must not create. */
export interface Placeholder {
  readonly path: string;
  readonly kind: 'file' | 'folder';
}

export interface CoverPlan {
  /** In the order of mounting: later mounts lie over earlier ones. */
  readonly covers: readonly Cover[];
  readonly placeholders: readonly Placeholder[];
  /** For each git folder, the entries that a command cannot change. */
  readonly gitEntries: ReadonlyMap<string, readonly string[]>;
}

/**
 * In the workspace's git folder. git treats these as missing if they are empty. `commondir` is not among them: git
 * fails if it is empty.
 */
const gitPlaceholders: readonly Placeholder[] = [
  { path: 'config', kind: 'file' },
  { path: 'config.worktree', kind: 'file' },
  { path: 'hooks', kind: 'folder' },
  { path: 'info/attributes', kind: 'file' },
];
const gitEntries = ['config', 'config.worktree', 'hooks', 'commondir', 'gitdir', 'info/attributes'];

/**
 * Names at the workspace's root that are run soonest. Each gets an empty folder as its placeholder: git, watchers and
 * globs ignore it, and removing it cannot remove any work. Names that tools read in ordinary work are not in the list;
 * if a command creates one of those, it is removed when the command ends.
 */
const rootPlaceholders: readonly string[] = [
  '.envrc',
  '.npmrc',
  '.vscode',
  '.idea',
  '.exrc',
  '.mcp.json',
  '.cursor',
  '.claude',
  '.codex',
  '.gemini',
  '.devcontainer',
  '.circleci',
  '.gitlab-ci.yml',
  '.github/workflows',
];
/** If one of these files exists, .npmrc gets no placeholder: yarn 1 and bun fail if it is a folder. */
const readsNpmrc = ['yarn.lock', 'bun.lock', 'bun.lockb'];

export interface PlanOptions {
  readonly root: string;
  readonly scan: Scan;
  /** True for paths that a rule allows commands to change. */
  readonly isAllowed: (path: string) => boolean;
  /** True for a placeholder of another running command. */
  readonly isPlaceholder: (path: string) => boolean;
}

export function planCovers({ root, scan, isAllowed, isPlaceholder }: PlanOptions): CoverPlan {
  const covers: Cover[] = [];
  const placeholders: Placeholder[] = [];
  const covered = new Map<string, string[]>();
  const kindAt = (path: string): ReturnType<typeof kindOf> =>
    isPlaceholder(path) ? undefined : kindOf(join(root, path));
  const has = (path: string): boolean => kindAt(path) !== undefined;

  for (const [folder, { names }] of scan.gitFolders) {
    const isMain = folder.toLowerCase() === '.git';
    const within = (name: string): string => (folder === '' ? name : `${folder}/${name}`);
    const mine: string[] = [];
    covered.set(folder, mine);
    // The workspace itself is already a mount point.
    if (folder !== '') covers.push({ path: folder, access: 'mount-point' });
    const entries = [...gitEntries, ...names.filter((name) => isOtherSpelling(name))];
    const kinds = new Map(entries.map((name) => [name, kindAt(within(name))]));
    if ([...kinds.values(), kindAt(within('info'))].includes('link')) {
      // A link cannot be covered, so the whole folder becomes read-only.
      covers.push({ path: folder === '' ? '.' : folder, access: 'read-only' });
      mine.push(...entries);
      continue;
    }
    const needsInfo = has(within('info')) || isMain;
    if (needsInfo && !isAllowed(within('info/attributes'))) {
      if (!has(within('info'))) placeholders.push({ path: within('info'), kind: 'folder' });
      covers.push({ path: within('info'), access: 'mount-point' });
    }
    for (const name of entries) {
      const path = within(name);
      if (isAllowed(path)) continue;
      const placeholder = isMain ? gitPlaceholders.find((one) => one.path === name) : undefined;
      if (kinds.get(name) === undefined) {
        if (placeholder === undefined) continue;
        placeholders.push({ path, kind: placeholder.kind });
      }
      covers.push({ path, access: 'read-only' });
      mine.push(name);
    }
  }

  for (const [path, { kind }] of scan.guarded) {
    if (isAllowed(path)) continue;
    if (kind !== 'link') covers.push({ path, access: 'read-only' });
    else {
      const target = targetIn(root, path);
      if (target !== undefined) covers.push({ path: target, access: 'read-only' });
    }
  }
  for (const path of rootPlaceholders) {
    if (has(path) || isAllowed(path) || (path === '.npmrc' && readsNpmrc.some(has))) continue;
    const [first = path] = path.split('/');
    if (first !== path && kindAt(first) === 'link') continue;
    if (first !== path && !has(first)) placeholders.push({ path: first, kind: 'folder' });
    placeholders.push({ path, kind: 'folder' });
    covers.push({ path, access: 'read-only' });
  }
  return { covers, placeholders, gitEntries: covered };
}

/** Arguments for bubblewrap, to come after the bind of the workspace. bubblewrap skips paths that are gone by then. */
export function coverArguments(root: string, covers: readonly Cover[]): readonly string[] {
  return covers.flatMap(({ path, access }) => {
    const absolute = join(root, path);
    return [access === 'read-only' ? '--ro-bind-try' : '--bind-try', absolute, absolute];
  });
}

function isOtherSpelling(name: string): boolean {
  return !gitEntries.includes(name) && gitEntries.includes(name.toLowerCase());
}

function kindOf(path: string): 'file' | 'folder' | 'link' | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined;
  }
}

/** Resolves a link in the workspace; undefined outside, where commands cannot write anyway. */
function targetIn(root: string, path: string): string | undefined {
  try {
    const target = realpathSync(join(root, path));
    return isInFolder(target, root) && target !== root
      ? relative(root, target).split(sep).join('/')
      : undefined;
  } catch {
    return undefined;
  }
}
