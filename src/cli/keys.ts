// `codebuddy keys`: API keys for other users and programs than the local user.

import type { Command } from 'commander';
import { type Scope, scopes } from '../contract/api-key.ts';
import { type ConnectionOptions, withClient, withConnection } from './connection.ts';
import { Flag } from './flag.ts';
import { withId } from './id-argument.ts';
import { type LimitOptions, limitsText, readLimits, withChangedLimits, withNewLimits } from './key-limits.ts';
import { readNewKey, scopeList } from './key-scopes.ts';
import { localTime } from './local-time.ts';
import { complain, oneLine, print, printJson, printTable } from './output.ts';
import { UsageError } from './usage-error.ts';

interface CreateOptions extends ConnectionOptions, LimitOptions {
  readonly scope?: readonly Scope[];
}

export function define(keys: Command): void {
  withConnection(
    withNewLimits(
      keys
        .command('create')
        .alias('add')
        .description('Create an API key. It is shown only once.')
        .argument('<name...>', 'name of the key, such as ci')
        .addOption(
          new Flag('--scope <scopes>', `scopes, separated by commas: ${scopes.join(', ')} (default: read)`, {
            field: 'scopes',
            parse: scopeList,
          }),
        ),
    ),
  )
    .usage('<name> [options]')
    .addHelpText('after', '\nExample:\n  codebuddy keys create ci --scope read,prompt')
    .action(async (words: readonly string[], options: CreateOptions) => {
      const { name, scopes: wanted } = readNewKey(words, options.scope);
      const limits = readLimits(options);
      await withClient(options, async (client, signal) => {
        const created = await client.keys.create(
          { name, scopes: [...wanted], ...(limits === undefined ? {} : { limits }) },
          { signal },
        );
        if (options.json) return printJson(created);
        const { id, key, scopes: granted } = created;
        complain(
          `Created API key ${id} for ${oneLine(created.name)} (${granted.join(', ')}). It is shown only once:`,
        );
        print(key);
      });
    });
  withConnection(keys.command('list').description('List API keys, without the keys themselves.')).action(
    async (options: ConnectionOptions) => {
      await withClient(options, async (client, signal) => {
        const answer = await client.keys.list({ signal });
        if (options.json) return printJson(answer);
        printTable(
          ['ID', 'CREATED', 'SCOPES', 'PER MINUTE', 'NAME'],
          answer.keys.map((key) => [
            key.id,
            localTime(key.createdAt),
            key.scopes.join(','),
            limitsText(key.limits) || '-',
            key.name,
          ]),
        );
      });
    },
  );
  withConnection(
    withChangedLimits(
      withId(
        keys.command('update').description('Change the limits of an API key. They apply at once.'),
        'key',
      ),
    ),
  )
    .addHelpText('after', '\nExample:\n  codebuddy keys update ID --prompts-per-minute 10')
    .action(async (id: string, options: ConnectionOptions & LimitOptions<number | 'none'>) => {
      const limits = readLimits(options);
      if (limits === undefined)
        throw new UsageError('Nothing to change: use --requests-per-minute or --prompts-per-minute.');
      await withClient(options, async (client, signal) => {
        const updated = await client.keys.update(id, { limits }, { signal });
        if (options.json) printJson(updated);
        else
          print(
            `API key ${id} (${oneLine(updated.name)}) per minute: ${limitsText(updated.limits) || 'no limits'}.`,
          );
      });
    });
  withConnection(
    withId(keys.command('revoke').description('Revoke an API key. It stops working at once.'), 'key'),
  ).action(async (id: string, options: ConnectionOptions) => {
    await withClient(options, async (client, signal) => {
      await client.keys.revoke(id, { signal });
      if (options.json) printJson({ revoked: id });
      else print(`Revoked API key ${id}.`);
    });
  });
}
