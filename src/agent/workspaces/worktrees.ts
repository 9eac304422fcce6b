// Git worktrees of sessions: a folder and a branch of its own for each, below a folder of the server. Uncommitted work
// is never lost: it is kept where it is, or committed to the branch before the folder is removed.

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { isInFolder } from '../../base/is-in-folder.ts';
import { makeFolders } from '../../base/make-folders.ts';
import type { SessionWorktree, WorktreeInput } from '../../contract/workspace.ts';
import { type Git, GitError } from './git.ts';

/** A checkout of a large repository takes long. */
const checkoutMs = 300_000;

export interface PlannedWorktree {
  readonly worktree: SessionWorktree;
  /** The folder in the worktree that corresponds to the one that it is made from. */
  readonly workspace: string;
  /** @throws GitError */
  create(): Promise<void>;
}

/** What became of a worktree. */
export interface WorktreeEnd {
  readonly folder: 'kept' | 'removed';
  readonly branchKept: boolean;
  /** The commit with the changes that were not committed. */
  readonly commit?: string;
  /** Why the folder was kept. */
  readonly reason?: string;
}

export interface GitState {
  readonly branch: string | null;
  readonly isDirty: boolean;
}

/** What is wrong with `worktree` of a request. `field`: below it; undefined for the whole. */
export class WorktreeFault extends Error {
  override readonly name = 'WorktreeFault';
  readonly field: string | undefined;
  constructor(message: string, field?: string) {
    super(message);
    this.field = field;
  }
}

export interface Worktrees {
  /** Changes nothing. @throws WorktreeFault */
  plan(source: string, input: WorktreeInput): Promise<PlannedWorktree>;
  /** Undefined if the folder is in no repository. @throws GitError */
  state(folder: string): Promise<GitState | undefined>;
  /** Ends the worktree of a deleted session. Fails never: what cannot be removed safely is kept. */
  end(worktree: SessionWorktree): Promise<WorktreeEnd>;
  /** Removes a worktree that was just created and is not used. */
  undo(worktree: SessionWorktree): Promise<void>;
}

/** `folder`: where worktrees are created. */
export function createWorktrees(git: Git, folder: string): Worktrees {
  async function plan(source: string, input: WorktreeInput): Promise<PlannedWorktree> {
    const { branch, base = 'HEAD', keep = 'ifChanged' } = typeof input === 'object' ? input : {};
    const top = await git.run(source, ['rev-parse', '--show-toplevel']).catch((error: unknown) => {
      const isNone = error instanceof Error && error.message.includes('not a git repository');
      throw new WorktreeFault(
        isNone ? `needs a git repository, and ${source} is in none` : `cannot be created: ${wordsOf(error)}`,
      );
    });
    const root = await realpath(top);
    const commit = await git
      .run(source, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${base}^{commit}`])
      .catch(() => {
        throw base === 'HEAD'
          ? new WorktreeFault(`needs a repository with a commit, and ${root} has none`)
          : new WorktreeFault(
              `must be a commit, branch or tag of ${root}; ${JSON.stringify(base)} is not`,
              'base',
            );
      });
    const id = randomBytes(4).toString('hex');
    const name = branch ?? `codebuddy/${id}`;
    await git.run(source, ['check-ref-format', '--branch', name]).catch(() => {
      throw new WorktreeFault(`must be a valid name for a branch; ${JSON.stringify(name)} is not`, 'branch');
    });
    if (name.startsWith('-')) throw new WorktreeFault('must not start with -', 'branch');
    const isTaken = await git.run(source, ['show-ref', '--verify', '--quiet', `refs/heads/${name}`]).then(
      () => true,
      () => false,
    );
    if (isTaken)
      throw new WorktreeFault(`must be a new branch; ${JSON.stringify(name)} exists already`, 'branch');
    const path = join(await realFolder(folder), `${plainName(basename(root))}-${id}`);
    return {
      worktree: { path, branch: name, base: commit, keep, source },
      workspace: join(path, relative(root, source)),
      async create() {
        makeFolders(folder);
        await git.run(source, ['worktree', 'add', '--quiet', '-b', name, '--', path, commit], {
          timeoutMs: checkoutMs,
          filters: true,
        });
        const workspace = join(path, relative(root, source));
        // A folder of the repository that is not committed is not in the worktree.
        makeFolders(workspace);
      },
    };
  }

  async function isDirty(path: string): Promise<boolean> {
    const status = ['status', '--porcelain', '--untracked-files=normal', '--ignore-submodules=dirty'];
    return (await git.run(path, status, { filters: true, timeoutMs: 30_000 })) !== '';
  }

  async function state(path: string): Promise<GitState | undefined> {
    const branch = await git
      .run(path, ['symbolic-ref', '--quiet', '--short', 'HEAD'])
      .catch((error: unknown) => {
        if (error instanceof GitError && error.message.includes('not a git repository')) return undefined;
        // No branch is checked out; other faults are those of the status, too.
        return null;
      });
    return branch === undefined ? undefined : { branch, isDirty: await isDirty(path) };
  }

  /** The repository that the worktree belongs to: from there, it can be removed. */
  async function repositoryOf(path: string): Promise<string> {
    const common = await git.run(path, ['rev-parse', '--path-format=absolute', '--git-common-dir']);
    return basename(common) === '.git' ? dirname(common) : common;
  }

  async function hasCommits(path: string, { base }: SessionWorktree): Promise<boolean> {
    return (await git.run(path, ['rev-parse', 'HEAD'])) !== base;
  }

  async function saveChanges(path: string): Promise<string> {
    const options = { filters: true, timeoutMs: checkoutMs };
    await git.run(path, ['add', '--all'], options);
    const author = ['-c', 'user.name=codebuddy', '-c', 'user.email=codebuddy@localhost'];
    const message = 'Uncommitted changes of a deleted session';
    await git.run(
      path,
      [...author, 'commit', '--quiet', '--no-verify', '--no-gpg-sign', '-m', message],
      options,
    );
    return git.run(path, ['rev-parse', 'HEAD']);
  }

  async function remove(
    repository: string,
    { path, branch }: SessionWorktree,
    keepBranch: boolean,
  ): Promise<void> {
    await git.run(repository, ['worktree', 'remove', '--force', '--', path], {
      timeoutMs: checkoutMs,
      filters: true,
    });
    if (!keepBranch) await git.run(repository, ['branch', '--quiet', '-D', '--', branch]);
  }

  return {
    plan,
    state,
    async end(worktree) {
      const { path, keep, branch } = worktree;
      const kept = (reason: string): WorktreeEnd => ({ folder: 'kept', branchKept: true, reason });
      if (keep === 'always') return kept('it is always kept');
      try {
        if (!(await isFolder(path)))
          return { folder: 'removed', branchKept: true, reason: 'it was gone already' };
        // The agent can write the file `.git` of the worktree: it must still lead to the repository.
        const repository = await repositoryOf(path);
        if (isInFolder(repository, path)) return kept('its file .git was changed');
        const dirty = await isDirty(path);
        let ahead = await hasCommits(path, worktree);
        if (keep === 'ifChanged' && (dirty || ahead))
          return kept(dirty ? 'it has uncommitted changes' : 'it has commits of its own');
        const current = await git
          .run(path, ['symbolic-ref', '--quiet', '--short', 'HEAD'])
          .catch(() => undefined);
        // The commits of another branch stay with it; those of none would be lost.
        if (current === undefined && (dirty || ahead))
          return kept('no branch is checked out, so its commits would be lost');
        const commit = dirty ? await saveChanges(path) : undefined;
        ahead ||= commit !== undefined || current !== branch;
        await remove(repository, worktree, ahead);
        return { folder: 'removed', branchKept: ahead, ...(commit === undefined ? {} : { commit }) };
      } catch (error) {
        return kept(wordsOf(error));
      }
    },
    async undo(worktree) {
      try {
        await remove(await repositoryOf(worktree.source), worktree, false);
      } catch {
        // It may have been created in part.
        rmSync(worktree.path, { recursive: true, force: true });
      }
    },
  };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** The real path of a folder that may not exist yet. */
async function realFolder(folder: string): Promise<string> {
  makeFolders(folder);
  return realpath(folder);
}

function plainName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 40) || 'worktree';
}
