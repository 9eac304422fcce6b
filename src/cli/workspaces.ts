// `codebuddy workspaces`: the folders that sessions work in.

import type { Command } from 'commander';
import type { Workspaces } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';

type Workspace = Workspaces['workspaces'][number];

export function define(workspaces: Command): void {
  withConnection(
    workspaces
      .command('list')
      .description('List the folders that sessions work in, with their state in git.'),
  )
    .addHelpText(
      'after',
      `
Examples:
  codebuddy workspaces list
  codebuddy sessions create --workspace ~/projects/site
  codebuddy prompt --worktree "Upgrade the dependencies"`,
    )
    .action(async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.workspaces.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['WORKSPACE', 'SESSIONS', 'BRANCH', 'CHANGES', 'STATE'],
          answer.workspaces.map((one) => [
            one.path,
            String(one.sessions),
            one.git?.branch ?? '-',
            one.git === null ? '-' : one.git.isDirty ? 'uncommitted' : 'none',
            stateOf(one),
          ]),
        );
        print(`\n${paint('dim', oneLine(`Sessions may work in: ${answer.roots.join(', ')}`))}`);
      });
    });
}

function stateOf({ status, isDefault, worktree }: Workspace): string {
  if (status === 'missing') return 'missing';
  if (status === 'not_allowed') return 'not in workspaceRoots';
  if (worktree !== null) return `worktree, keep: ${worktree.keep}`;
  return isDefault ? 'default' : 'ready';
}
