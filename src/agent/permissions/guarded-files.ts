// Which file that runs later would a call of a file tool change? Asked of the path as it is spelled and of the real one: a link in the
// workspace must not lead around the question.

import { readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import type { Workspace } from '../tools/workspace.ts';
import type { FilesThatRunLater } from './files-that-run-later.ts';
import { hooksPathIn } from './git-config.ts';

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
}

export function createGuardedFiles(
  workspace: Pick<Workspace, 'root' | 'relative' | 'realRelative'>,
  list: FilesThatRunLater,
): GuardedFiles {
  let hooks: string | undefined;

  function guarded(path: string): GuardedFile | undefined {
    if (hooks !== undefined && (path === hooks || path.startsWith(`${hooks}/`)))
      return { path, runBy: 'git, as hooks' };
    const found = list.match(path);
    return found === undefined || found.kind === 'tell' ? undefined : { path, runBy: found.runBy };
  }

  return {
    async find(path) {
      // Read each time: the user may set it while the server runs.
      hooks = await hooksFolder(workspace.root);
      const real = await workspace.realRelative(path);
      if (real === undefined) return undefined;
      return guarded(real) ?? guarded(workspace.relative(path));
    },
    isGuarded: (realPath) => guarded(realPath) !== undefined,
  };
}

/** `core.hooksPath` of the workspace's repository, relative to the workspace; undefined if it is elsewhere. */
export async function hooksFolder(root: string): Promise<string | undefined> {
  const config = await readFile(join(root, '.git', 'config'), 'utf8').catch(() => '');
  const named = hooksPathIn(config);
  if (named === undefined) return undefined;
  const folder = relative(root, resolve(root, named)).split(sep).join('/');
  return folder === '' || folder === '..' || folder.startsWith('../') ? undefined : folder;
}
