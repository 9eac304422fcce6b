// `codebuddy keys`: API keys for others than the local user.

import type { Command } from 'commander';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { complain, oneLine, print, printJson, printTable } from './output.ts';

const scopes = ['read', 'prompt', 'tools', 'admin'] as const;
type Scope = (typeof scopes)[number];

export function add(program: Command): void {
  const keys = program.command('keys').description('Creates, lists and revokes API keys.');
  withConnection(
    keys
      .command('create')
      .description('Makes a key and prints it, this once.')
      .argument('<name>', 'whose it is, e.g. ci')
      .option('--scope <scope...>', `what it may do: ${scopes.join(', ')}`, ['read']),
  )
    .addHelpText('after', '\nExample:\n  codebuddy keys create ci --scope read prompt')
    .action(async (name: string, options: ConnectionOptions & { readonly scope: readonly string[] }) => {
      await withClient(options, async (client, signal) => {
        // The server checks the scopes and names the field.
        const made = await client.keys.create({ name, scopes: options.scope as Scope[] }, { signal });
        if (options.json) return printJson(made);
        complain(
          `key ${made.id} (${made.scopes.join(', ')}) for ${oneLine(made.name)}; it is shown this once:`,
        );
        print(made.key);
      });
    });
  withConnection(keys.command('list').description('Lists keys; the keys themselves are not kept.')).action(
    async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.keys.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'CREATED', 'SCOPES', 'NAME'],
          answer.keys.map((key) => [key.id, key.createdAt, key.scopes.join(','), key.name]),
        );
      });
    },
  );
  withConnection(keys.command('revoke').description('Ends a key at once.').argument('<id>')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        await client.keys.revoke(id, { signal });
        if (options.json) printJson({ revoked: id });
        else print(`revoked ${id}`);
      });
    },
  );
}
