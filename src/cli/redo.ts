// `codebuddy redo`: takes back the last undo of a session.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { withId } from './id-argument.ts';
import { printJson } from './output.ts';
import { printUndone } from './undo-outcome.ts';

export function define(redo: Command): void {
  withConnection(withId(redo, 'ses'))
    .option('--dry-run', 'only say what would be done to each file')
    .action(async (id: string, options: ConnectionOptions & { readonly dryRun?: boolean }) => {
      await withClient(
        options,
        async (client, signal) => {
          const result = await client.sessions.redo(id, { dryRun: options.dryRun ?? false }, { signal });
          if (options.json) return printJson(result);
          printUndone(result, {
            done: 'brought back',
            next: result.redoable === 0 ? undefined : `Run it again to take back the undo before.`,
          });
        },
        'Restoring the files',
      );
    });
}
