// `codebuddy keys`: API keys for others than the local user.

import type { Command } from 'commander';
import { type Scope, scopes } from '../contract/api-key.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { withId } from './id-argument.ts';
import { readNewKey, scopeList } from './key-scopes.ts';
import { localTime } from './local-time.ts';
import { complain, oneLine, print, printJson, printTable } from './output.ts';

export function add(program: Command): void {
  const keys = program.command('keys').description('Creates, lists and revokes API keys.');
  withConnection(
    keys
      .command('create')
      .description('Creates a key and prints it. It is shown only once.')
      .argument('<name...>', 'whose it is, e.g. ci')
      .option(
        '--scope <scopes>',
        `what it may do: ${scopes.join(', ')}; several with commas between (default: read)`,
        scopeList,
      ),
  )
    .usage('<name> [options]')
    .addHelpText('after', '\nExample:\n  codebuddy keys create ci --scope read,prompt')
    .action(async (words: readonly string[], options: ConnectionOptions & { scope?: readonly Scope[] }) => {
      const wanted = readNewKey(words, options.scope);
      await withClient(options, async (client, signal) => {
        const made = await client.keys.create({ name: wanted.name, scopes: [...wanted.scopes] }, { signal });
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
          answer.keys.map((key) => [key.id, localTime(key.createdAt), key.scopes.join(','), key.name]),
        );
      });
    },
  );
  withConnection(withId(keys.command('revoke').description('Revokes a key at once.'), 'key')).action(
    async (id: string, options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        await client.keys.revoke(id, { signal });
        if (options.json) printJson({ revoked: id });
        else print(`revoked ${id}`);
      });
    },
  );
}
