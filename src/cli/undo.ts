// `codebuddy undo`: takes a session and its files back to before a prompt.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { idOf, withId } from './id-argument.ts';
import { printJson } from './output.ts';
import { printUndone } from './undo-outcome.ts';

export function define(undo: Command): void {
  withConnection(withId(undo, 'ses'))
    .addOption(
      new Flag('--message <id>', 'the prompt to go back before (default: the last one)', {
        field: 'messageId',
        parse: idOf('--message', 'msg'),
      }),
    )
    .option('--dry-run', 'only say what would be done to each file')
    .action(
      async (
        id: string,
        options: ConnectionOptions & { readonly message?: string; readonly dryRun?: boolean },
      ) => {
        const { message, dryRun = false } = options;
        await withClient(
          options,
          async (client, signal) => {
            const body = { dryRun, ...(message === undefined ? {} : { messageId: message }) };
            const result = await client.sessions.undo(id, body, { signal });
            if (options.json) return printJson(result);
            printUndone(result, {
              done: 'hidden',
              next: `To take it back: codebuddy redo ${id}`,
            });
          },
          'Restoring the files',
        );
      },
    );
}
