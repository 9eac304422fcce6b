// `codebuddy config`: shows the settings with their origins, and changes config.json.

import type { Command } from 'commander';
import { configFields, editConfig, parseField, ruleOf } from '../config/edit-config.ts';
import { inspectSettings } from '../config/load-settings.ts';
import { readServerFile } from '../config/server-file.ts';
import { settingRules } from '../config/setting-rules.ts';
import { type Settings, SettingsError } from '../config/settings.ts';
import { shownSettings } from '../config/shown-settings.ts';
import type { Setting } from '../contract/setting.ts';
import { exitCodes } from './exit-codes.ts';
import { complain, oneLine, print, printJson, printTable } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';
import { shownValue } from './shown-value.ts';

interface ConfigOptions {
  readonly json?: boolean;
}

/** Any text: `config get` also knows settings that are not fields of config.json. */
const anyField = Object.assign((text: string) => text, { words: configFields });

const fieldsHelp = `\nFields: ${configFields.join(', ')}`;

export function define(config: Command): void {
  const add = (syntax: string, description: string): Command =>
    withSettings(config.command(syntax).description(description), ['home']).option(
      '--json',
      'print JSON, errors included',
    );
  add('list', 'List all settings with their values and origins.').action((options: ConfigOptions) => {
    const { rows, faults } = inspect(options);
    if (options.json) printJson({ settings: rows, faults });
    else
      printTable(
        ['SETTING', 'VALUE', 'SOURCE'],
        rows.map(({ name, value, origin }) => [name, shownValue(value), origin]),
      );
    for (const fault of faults) complain(`codebuddy: ${oneLine(fault)}`);
    if (faults.length > 0) process.exitCode = exitCodes.usage;
  });
  add('get', 'Print the value of a setting. Secrets are not shown.')
    .argument('<field>', '', anyField)
    .addHelpText('after', fieldsHelp)
    .action((field: string, options: ConfigOptions) => {
      const row = rowOf(field, options);
      if (options.json) return printJson(row);
      print(
        typeof row.value === 'object' && row.value !== null
          ? JSON.stringify(row.value)
          : shownValue(row.value),
      );
      complain(oneLine(`from: ${row.origin}`));
    });
  add('set', 'Set a field of config.json. The value is JSON or plain text.')
    .argument('<field>', '', anyField)
    .argument('<value>')
    .addHelpText(
      'after',
      `
Examples:
  codebuddy config set port 4000
  codebuddy config set permissionMode auto-edit
  codebuddy config set permissions '{"allow": ["bash(npm test)"]}'
${fieldsHelp}`,
    )
    .action(async (field: string, text: string, options: ConfigOptions) => {
      const { settings } = inspectSettings({ flags: settingFlags(options) });
      const context = { home: settings.home, cwd: process.cwd() };
      const value = parseField(field, text, context);
      await checkField(field, ruleOf(field).parse(value, context), settings);
      change(field, value, options);
    });
  add('unset', 'Remove a field from config.json, so that its default applies.')
    .argument('<field>', '', anyField)
    .action((field: string, options: ConfigOptions) => change(field, undefined, options));
}

function inspect(options: ConfigOptions) {
  const { settings, origins, faults } = inspectSettings({ flags: settingFlags(options) });
  return { home: settings.home, rows: shownSettings(settings, origins), faults };
}

/** @throws SettingsError if there is no such field */
function rowOf(field: string, options: ConfigOptions): Setting {
  const { rows } = inspect(options);
  const name = nameOf(field);
  const row = rows.find((one) => one.name === name);
  if (row === undefined) throw new Error(`No setting ${name}`);
  return row;
}

/** The setting of a field. Its name differs only for `cors`, and for aliases of a field. */
function nameOf(field: string): keyof Settings {
  // Settings without a field, such as `home`, can also be read.
  if (Object.hasOwn(settingRules, field)) return field as keyof Settings;
  const rule = ruleOf(field);
  const [name] = Object.entries(settingRules).find(([, one]) => one === rule) as [keyof Settings, unknown];
  return name;
}

/** Rejects what the server would reject at its start. @throws SettingsError */
async function checkField(field: string, parsed: unknown, settings: Settings): Promise<void> {
  const { settingFaults } = await import('../app/setting-faults.ts');
  const origins = { models: 'config.json models', agent: 'config.json agent' };
  const before = settingFaults(settings, origins, process.env);
  const after = settingFaults({ ...settings, [nameOf(field)]: parsed }, origins, process.env);
  // A fault of another field does not block this change.
  const faults = after.filter((fault) => !before.includes(fault));
  if (faults.length > 0) throw new SettingsError(faults.join('\n'));
}

function change(field: string, value: unknown, options: ConfigOptions): void {
  const { home } = inspect(options);
  const path = editConfig(home, { [field]: value });
  const row = rowOf(field, options);
  if (options.json) printJson({ file: path, ...row });
  else print(oneLine(`${value === undefined ? 'Removed' : 'Set'} ${field} in ${path}.`));
  const isOverridden = value !== undefined && !row.origin.startsWith('config.json');
  if (isOverridden) complain(`codebuddy: Warning: ${row.origin} is set and overrides config.json.`);
  if (readServerFile(home) !== undefined)
    complain('A server is running; the change takes effect at its next start.');
}
