// Says whether a git folder (`.git`, a bare one, or that of a submodule or worktree) could make git run something. A
// command may create a repository anywhere, and the user's next `git status` in that folder would run its programs.

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import { doubtfulVariables, parseGitConfig } from '../permissions/git-config.ts';

const maxConfigBytes = 1_000_000;

/** An entry of a git folder that could make git run something. */
export interface Doubt {
  readonly name: string;
  readonly why: string;
}

export interface DoubtOptions {
  /** The real path of the workspace. */
  readonly root: string;
  /** True for git folders that are judged on their own. */
  readonly isKnown: (folder: string) => boolean;
}

export function findDoubts(folder: string, { root, isKnown }: DoubtOptions): readonly Doubt[] {
  const doubts: Doubt[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const kind = entry.name.toLowerCase();
    if (kind === 'config' || kind === 'config.worktree') {
      if (!entry.isFile()) doubts.push({ name: entry.name, why: 'is not a regular file' });
      else {
        const why = doubtsOfConfig(join(folder, entry.name), folder, root);
        if (why !== undefined) doubts.push({ name: entry.name, why });
      }
    } else if (kind === 'hooks') {
      if (!entry.isDirectory()) doubts.push({ name: entry.name, why: 'is not a folder' });
      else if (readdirSync(join(folder, entry.name)).some((hook) => !hook.endsWith('.sample')))
        doubts.push({ name: entry.name, why: 'holds hooks' });
    } else if (kind === 'commondir') {
      const why = entry.isFile()
        ? doubtsOfCommonFolder(join(folder, entry.name), folder, isKnown)
        : 'is not a regular file';
      if (why !== undefined) doubts.push({ name: entry.name, why });
    }
  }
  return doubts;
}

function doubtsOfConfig(file: string, folder: string, root: string): string | undefined {
  if (lstatSync(file).size > maxConfigBytes) return 'is too large';
  const text = readFileSync(file, 'utf8');
  const doubtful = doubtfulVariables(text).filter(
    (name) => name !== 'core.worktree' || !isOwnWorktree(text, folder, root),
  );
  return doubtful.length === 0 ? undefined : `sets ${doubtful.slice(0, 5).join(', ')}`;
}

/** A submodule's configuration names its work tree. One outside the workspace would let git write elsewhere. */
function isOwnWorktree(text: string, folder: string, root: string): boolean {
  return (parseGitConfig(text) ?? [])
    .filter(({ name }) => name === 'core.worktree')
    .every(({ value }) => isInFolder(resolve(folder, value), root));
}

/** A linked worktree names its repository: `../..` from REPOSITORY/.git/worktrees/NAME. Anything else is doubtful. */
function doubtsOfCommonFolder(
  file: string,
  folder: string,
  isKnown: DoubtOptions['isKnown'],
): string | undefined {
  if (lstatSync(file).size > 4096) return 'is too large';
  const common = resolve(folder, readFileSync(file, 'utf8').trim());
  const isUsual = common === resolve(folder, '../..') && /[/\\]worktrees[/\\][^/\\]+$/.test(folder);
  return isUsual && isKnown(common) ? undefined : 'leads git to another folder';
}
