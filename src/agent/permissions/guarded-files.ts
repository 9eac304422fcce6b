// Which file that runs later would a call of a file tool change? Asked of the path as it is spelled and of the real one: a link in the
// workspace must not lead around the question.

import { readdirSync, type Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Workspace } from '../tools/workspace.ts';
import type { FilesThatRunLater } from './files-that-run-later.ts';
import { hooksPathIn } from './git-config.ts';
import { createNameFinder } from './hard-link-names.ts';
import { isGitFolder } from './is-git-folder.ts';

/** A file that needs a permission of its own. */
export interface GuardedFile {
  /** Relative to the workspace; the real path, where that is what is guarded. */
  readonly path: string;
  /** Ends "it is run by ...". */
  readonly runBy: string;
}

export interface GuardedFiles {
  /** Undefined for what may be written as any other file. */
  find(path: string): Promise<GuardedFile | undefined>;
  /** True for a real path that is guarded. */
  isGuarded(realPath: string): boolean;
  /** True if a further name of the file (hard link) is guarded, or if that cannot be told. */
  isShared(stats: Stats): Promise<boolean>;
}

export function createGuardedFiles(
  workspace: Pick<Workspace, 'root' | 'relative' | 'realFile'>,
  list: FilesThatRunLater,
): GuardedFiles {
  let hooks: string | undefined;

  function listed(path: string): GuardedFile | undefined {
    if (hooks !== undefined && (path === hooks || path.startsWith(`${hooks}/`)))
      return { path, runBy: 'git, as hooks' };
    const found = list.match(path);
    return found === undefined || found.kind === 'tell' ? undefined : { path, runBy: found.runBy };
  }

  function guarded(path: string): GuardedFile | undefined {
    const found = listed(path);
    if (found !== undefined) return found;
    return isInGitFolder(workspace.root, path)
      ? { path, runBy: 'git, to which its folder is a repository' }
      : undefined;
  }

  // Folders are not read for each name: what only they would tell is left out.
  const findNames = createNameFinder((path) => listed(path) !== undefined);

  return {
    async find(path) {
      // Read each time: the user may set it while the server runs.
      hooks = await hooksFolder(workspace.root);
      const real = await realPathOf(workspace, path);
      if (real === undefined) return undefined;
      return guarded(real) ?? guarded(workspace.relative(path));
    },
    isGuarded: (realPath) => guarded(realPath) !== undefined,
    async isShared(stats) {
      const names = await findNames(workspace.root, stats);
      return names === undefined || names.length > 0;
    },
  };
}

/** Undefined where the tool itself says in words what is wrong with the path. */
async function realPathOf(workspace: Pick<Workspace, 'realFile'>, path: string): Promise<string | undefined> {
  try {
    return (await workspace.realFile(path)).path;
  } catch (error) {
    if (error instanceof CodeBuddyError) return undefined;
    throw error;
  }
}

/** True if a folder above the file is a repository of any name, or becomes one by this file: `HEAD` beside `objects` and `refs` is enough for git. */
function isInGitFolder(root: string, path: string): boolean {
  const segments = path.split('/');
  return segments.some((segment, depth) => {
    const names = namesIn(join(root, ...segments.slice(0, depth)));
    return isGitFolder(new Set([...names, segment].map((name) => name.toLowerCase())));
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not there yet.
    return [];
  }
}

/** `core.hooksPath` of the workspace's repository, relative to the workspace; undefined if it is elsewhere. */
export async function hooksFolder(root: string): Promise<string | undefined> {
  const config = await readFile(join(root, '.git', 'config'), 'utf8').catch(() => '');
  const named = hooksPathIn(config);
  if (named === undefined) return undefined;
  const folder = relative(root, resolve(root, named)).split(sep).join('/');
  return folder === '' || folder === '..' || folder.startsWith('../') ? undefined : folder;
}
