// Finds the file that runs later which a call of a file tool would change. Checks the path as spelled and the real
// path, so that a link in the workspace does not evade the question.

import { readdirSync, type Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Workspace } from '../tools/workspace.ts';
import type { FilesThatRunLater } from './files-that-run-later.ts';
import { hooksPathIn } from './git-config.ts';
import { createNameFinder } from './hard-link-names.ts';
import { isGitFolder } from './is-git-folder.ts';
import type { FileTarget } from './path-rule.ts';

/** A file that needs a permission of its own. */
export interface GuardedFile {
  /** Relative to the workspace: the real path if that one is guarded, else the path as spelled. */
  readonly path: string;
  /** Ends "it is run by ...". */
  readonly runBy: string;
}

export interface GuardedFiles {
  /** Undefined for an ordinary file, and for an invalid path: the tool itself reports the reason. */
  find(target: Pick<FileTarget, 'path' | 'realPath'>): Promise<GuardedFile | undefined>;
  /** True if this real path is guarded. */
  isGuarded(realPath: string): boolean;
  /** True if another name of the file (hard link) is guarded, or if that cannot be determined. */
  isShared(stats: Stats): Promise<boolean>;
}

export function createGuardedFiles(
  workspace: Pick<Workspace, 'root'>,
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
      ? { path, runBy: 'git, for which its folder is a repository' }
      : undefined;
  }

  // Only the list is checked here: reading the folder of every name would take too long.
  const findNames = createNameFinder((path) => listed(path) !== undefined);

  return {
    async find({ path, realPath }) {
      // Read for each call: the user may change it while the server runs.
      hooks = await hooksFolder(workspace.root);
      return realPath === undefined ? undefined : (guarded(realPath) ?? guarded(path));
    },
    isGuarded: (realPath) => guarded(realPath) !== undefined,
    async isShared(stats) {
      const names = await findNames(workspace.root, stats);
      return names === undefined || names.length > 0;
    },
  };
}

/**
 * True if a folder above the file is a repository under any name, or becomes one with this file: git needs only `HEAD`,
 * `objects` and `refs`.
 */
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
    // The folder does not exist yet.
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
