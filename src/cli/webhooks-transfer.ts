// `codebuddy webhooks export` and `import`: all webhooks with their secrets, in the format of webhooks.json. They work
// where webhooks are kept, so no server is needed; a running one sees the changes by itself.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Imported } from '../app/webhook-transfer.ts';
import { writePrivateFile } from '../base/atomic-file.ts';
import { fileError } from '../base/file-errors.ts';
import { loadSettings } from '../config/load-settings.ts';
import { whileBusy } from './busy-line.ts';
import { complain, countOf, print, printJson } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function defineTransfer(webhooks: Command): void {
  withSettings(
    webhooks
      .command('export')
      .description(
        'Write all webhooks with their secrets to a file that only you can read, in the format of webhooks.json.',
      )
      .argument('<file>', 'file to write; - for standard output'),
    ['home', 'database'],
  ).action(exportTo);
  withSettings(
    webhooks
      .command('import')
      .description(
        'Create and update webhooks from a file in the format of webhooks.json. Webhooks that are not in the file stay unchanged. If an entry is invalid, nothing is imported.',
      )
      .argument('<file>', 'file to read; - for standard input'),
    ['home', 'database', 'allowedTargets'],
  )
    .option('--dry-run', 'show what would change, and change nothing')
    .option('--json', 'print JSON, errors included')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy webhooks export webhooks-backup.json
  codebuddy webhooks import ~/.codebuddy/webhooks.json --database "$DATABASE_URL" --dry-run
  codebuddy webhooks export - --home /srv/old | codebuddy webhooks import - --home /srv/new`,
    )
    .action(importFrom);
}

async function exportTo(file: string, options: object): Promise<void> {
  const { settings } = loadSettings({ flags: settingFlags(options) });
  const { exportWebhooks } = await import('../app/webhook-transfer.ts');
  const list = await whileBusy('Reading the webhooks', () => exportWebhooks(settings));
  if (file === '-') return printJson(list);
  try {
    writePrivateFile(resolve(file), `${JSON.stringify(list, undefined, 2)}\n`);
  } catch (error) {
    throw fileError(file, 'cannot be written', error);
  }
  complain(`Wrote ${countOf(list.length, 'webhook')} with secrets to ${file}.`);
}

async function importFrom(file: string, options: ImportOptions): Promise<void> {
  const { settings } = loadSettings({ flags: settingFlags(options) });
  const text = await read(file);
  const { importWebhooks } = await import('../app/webhook-transfer.ts');
  const dryRun = options.dryRun === true;
  const imported = await whileBusy('Importing the webhooks', () =>
    importWebhooks(settings, text, { dryRun }),
  );
  if (options.json) return printJson({ ...imported, dryRun });
  print(describe(imported, dryRun));
}

async function read(file: string): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(file, 'cannot be read', error);
  }
}

function describe({ created, updated, unchanged }: Imported, dryRun: boolean): string {
  const lines = [
    ...created.map((id) => `${dryRun ? 'would create' : 'created'}  ${id}`),
    ...updated.map((id) => `${dryRun ? 'would update' : 'updated'}  ${id}`),
    ...unchanged.map((id) => `unchanged  ${id}`),
    `${countOf(created.length + updated.length + unchanged.length, 'webhook')}: ${created.length} ${dryRun ? 'to create' : 'created'}, ${updated.length} ${dryRun ? 'to update' : 'updated'}, ${unchanged.length} unchanged.`,
  ];
  return lines.join('\n');
}
