// `codebuddy changes`: the files that a session has changed.

import type { Command } from 'commander';
import type { SessionChange } from '../client/index.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { withId } from './id-argument.ts';
import { print, printJson, printTable } from './output.ts';

export function define(changes: Command): void {
  withConnection(withId(changes, 'ses'))
    .option('--diff', 'print the unified diffs')
    .action(async (id: string, options: ConnectionOptions & { readonly diff?: boolean }) => {
      await withClient(options, async (client, signal) => {
        const all: SessionChange[] = [];
        for await (const change of client.sessions.changes(id, { limit: 200 }, { signal })) all.push(change);
        if (options.json) return printJson({ changes: all });
        if (all.length === 0) return print('The session has changed no files.');
        if (options.diff) {
          for (const { path, diff, noDiff } of all)
            print(diff ?? `${path}: no diff (${noDiff ?? 'unknown'})\n`);
          return;
        }
        printTable(
          ['FILE', 'CHANGE', 'LINES', 'UNDO', 'BY'],
          all.map((one) => [
            one.path,
            one.renamedFrom === null ? one.change : `renamed from ${one.renamedFrom}`,
            one.additions === null ? '-' : `+${one.additions} -${one.deletions}`,
            one.undoable ? 'yes' : one.changedSince ? 'no: changed since' : `no: ${one.noDiff ?? 'not kept'}`,
            one.tools.join(', '),
          ]),
        );
      });
    });
}
