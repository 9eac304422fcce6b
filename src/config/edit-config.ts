// Changes single fields of config.json. A field is validated as the start of the server does it, and the file is
// replaced as a whole, so that no reader sees half of it.

import { realpathSync } from 'node:fs';
import { writePrivateFile } from '../base/atomic-file.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { fileError } from '../base/file-errors.ts';
import { ownFile } from '../base/home-paths.ts';
import { isRecord } from '../base/is-record.ts';
import { type ConfigFields, readFields, readOldConfig } from './config-file.ts';
import { ensureHome } from './home-folder.ts';
import { type SettingRule, settingRules } from './setting-rules.ts';
import { SettingsError } from './settings.ts';

const rules = Object.values(settingRules) as readonly SettingRule<unknown>[];

/** The fields of config.json, without their other names. */
export const configFields: readonly string[] = rules.flatMap(({ field }) => field ?? []);

/** The rule of a field. @throws SettingsError if there is no such field */
export function ruleOf(name: string): SettingRule<unknown> {
  const rule = rules.find(({ field, alias }) => field === name || alias === name);
  if (rule !== undefined) return rule;
  throw new SettingsError(
    `config.json has no field ${JSON.stringify(name)}${didYouMean(name, configFields) || '.'} Known fields: ${configFields.join(', ')}.`,
  );
}

/** The value that the text stands for: JSON, or the text itself. @throws SettingsError if it is invalid */
export function parseField(name: string, text: string, context: { home: string; cwd: string }): unknown {
  const rule = ruleOf(name);
  for (const value of [...fromJson(text), text]) {
    const valid = rule.parse(value, context);
    if (valid === undefined) continue;
    // A relative path depends on the folder in which the command runs, not on that of the server.
    if (isPath(valid)) return valid.path;
    return typeof valid === 'string' ? valid : value;
  }
  const expected = typeof rule.expected === 'string' ? rule.expected : rule.expected(text);
  throw new SettingsError(`config.json ${rule.field} must be ${expected}.`);
}

/** Sets fields; `undefined` removes one. Returns the path of the file. @throws Error if the file is no JSON object */
export function editConfig(home: string, changes: ConfigFields): string {
  const path = ownFile(home, 'config.json');
  const fields: Record<string, unknown> = { ...read(path, home) };
  for (const [name, value] of Object.entries(changes)) {
    const { field, alias } = ruleOf(name);
    for (const known of [field, alias]) if (known !== undefined) delete fields[known];
    if (field !== undefined && value !== undefined) fields[field] = value;
  }
  ensureHome(home);
  writePrivateFile(realPath(path), `${JSON.stringify(fields, undefined, 2)}\n`);
  return path;
}

/** A server of an earlier release kept the file in the folder above. */
function read(path: string, home: string): ConfigFields {
  try {
    return readFields(path) ?? readOldConfig(home) ?? {};
  } catch (error) {
    throw error instanceof SettingsError ? error : fileError(path, 'cannot be read', error);
  }
}

/** The file that a symbolic link points to, so that the link stays. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It does not exist yet.
    return path;
  }
}

function fromJson(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    // Plain text.
    return [];
  }
}

function isPath(value: unknown): value is { readonly kind: 'sqlite'; readonly path: string } {
  return isRecord(value) && value.kind === 'sqlite' && typeof value.path === 'string';
}
