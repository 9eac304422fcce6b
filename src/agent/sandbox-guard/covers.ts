// What the sandbox must keep read-only inside the writable workspace, and the bubblewrap arguments for it. Pure but for a look at what is there.
//
// Covers on `.git/config` and `.git/hooks` alone are not enough: `mv .git x; cp -r x .git` puts a writable copy in their place. A mount point
// cannot be renamed, so `.git` becomes one itself first. Each cover is a file or folder bound onto itself, so that no file of ours has to be
// readable for the user that the command runs as.

import { lstatSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import type { Scan } from './scan-workspace.ts';

export interface Cover {
  /** Relative to the workspace, with `/`. */
  readonly path: string;
  readonly access: 'read-only' | 'mount-point';
}

/** A name that is missing and must not come to be: an empty file or folder of ours stands there meanwhile. */
export interface Placeholder {
  readonly path: string;
  readonly kind: 'file' | 'folder';
}

export interface CoverPlan {
  /** In this order: later mounts lie over earlier ones. */
  readonly covers: readonly Cover[];
  readonly placeholders: readonly Placeholder[];
  /** Of each git folder, the entries that a command cannot change. */
  readonly gitEntries: ReadonlyMap<string, readonly string[]>;
}

/** In the git folder of the workspace; git does the same with an empty one as with none. `commondir` cannot be covered: git fails if it is empty. */
const gitPlaceholders: readonly Placeholder[] = [
  { path: 'config', kind: 'file' },
  { path: 'config.worktree', kind: 'file' },
  { path: 'hooks', kind: 'folder' },
  { path: 'info/attributes', kind: 'file' },
];
const gitEntries = ['config', 'config.worktree', 'hooks', 'commondir', 'gitdir', 'info/attributes'];

/**
 * Names at the workspace's root that are run soonest. An empty folder stands in for them: git, watchers and globs do not see it, and
 * removing it can never remove anybody's work. Names that tools read in ordinary work are not among them; what a command makes of those is
 * taken away when it ends.
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
/** yarn 1 and bun fail where .npmrc is a folder. */
const readsNpmrc = ['yarn.lock', 'bun.lock', 'bun.lockb'];

export interface PlanOptions {
  readonly root: string;
  readonly scan: Scan;
  /** True for what a rule allows commands to change. */
  readonly isAllowed: (path: string) => boolean;
  /** True for what stands in for a missing name, for another command that runs. */
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
    // The workspace itself is a mount point already.
    if (folder !== '') covers.push({ path: folder, access: 'mount-point' });
    const entries = [...gitEntries, ...names.filter((name) => isOtherSpelling(name))];
    const kinds = new Map(entries.map((name) => [name, kindAt(within(name))]));
    if ([...kinds.values(), kindAt(within('info'))].includes('link')) {
      // A link cannot be covered, and the folder that holds it could be changed otherwise.
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

/** For bubblewrap, to follow the bind of the workspace. What has gone meanwhile is left out. */
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

/** Where a link leads in the workspace; what is outside cannot be written anyway. */
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
