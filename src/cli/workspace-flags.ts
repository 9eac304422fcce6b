// The flags that choose where a new session works.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type WorktreeEnding, worktreeEndings } from '../contract/workspace.ts';
import { Flag } from './flag.ts';
import { invalid, oneOf } from './option-values.ts';
import { UsageError } from './usage-error.ts';

export interface WorkspaceOptions {
  readonly workspace?: string | undefined;
  readonly worktree?: boolean | undefined;
  readonly keep?: WorktreeEnding | undefined;
}

/** `at`: where the fields are in the request. */
export function withWorkspace(command: Command, at: '' | 'options/'): Command {
  return command
    .addOption(
      new Flag('--workspace <folder>', 'folder that a new session works in (default: that of the server)', {
        field: `${at}workspace`,
        parse: parseWorkspace,
      }),
    )
    .addOption(
      new Flag<boolean>('--worktree', 'give a new session a git worktree with a branch of its own', {
        field: `${at}worktree`,
      }),
    )
    .addOption(
      new Flag<WorktreeEnding>(
        '--keep <when>',
        `with --worktree: keep its folder when the session is deleted: ${worktreeEndings.join(', ')} (default: ifChanged)`,
        { field: `${at}worktree/keep`, parse: oneOf('--keep', worktreeEndings) },
      ),
    );
}

/** The fields of a request. @throws UsageError */
export function workspaceFields({ workspace, worktree, keep }: WorkspaceOptions): {
  readonly workspace?: string;
  readonly worktree?: true | { readonly keep: WorktreeEnding };
} {
  if (keep !== undefined && worktree !== true) throw new UsageError('--keep needs --worktree.');
  return {
    ...(workspace === undefined ? {} : { workspace }),
    ...(worktree === true ? { worktree: keep === undefined ? true : { keep } } : {}),
  };
}

/** A folder of this machine is meant as seen from here; any other is one of the server's machine. */
function parseWorkspace(text: string): string {
  if (text === '') throw invalid('--workspace', 'a folder', text);
  return existsSync(text) ? resolve(text) : text;
}
