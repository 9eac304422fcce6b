// Reads config.json from the config folder. In the subfolder `api`, the file is this server's; in the folder itself it
// may belong to the first version of this program or to another agent, and is then ignored.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { didYouMean } from '../base/did-you-mean.ts';
import { fileFault } from '../base/file-errors.ts';
import { apiFolder, oldFile, ownFile } from '../base/home-paths.ts';
import { isRecord } from '../base/is-record.ts';
import { jsonFault } from '../base/redaction.ts';
import { type SettingContext, type SettingRule, settingRules } from './setting-rules.ts';
import { SettingsError } from './settings.ts';

export type ConfigFields = Readonly<Record<string, unknown>>;

const rules: readonly SettingRule<unknown>[] = Object.values(settingRules);

/**
 * Reads `api/config.json`; if it does not exist, the file that an earlier release used. Faults are passed to `fault`.
 */
export function readConfig({ home, cwd }: SettingContext, fault: (message: string) => void): ConfigFields {
  return readConfigFile(home, fault) ?? readOldConfig(home, cwd) ?? {};
}

/**
 * Reads `config.json` of the config folder itself, where earlier releases kept their settings. Returns undefined unless
 * the file is ours: it holds only known settings with valid values. Without our API key beside it, it must also hold a
 * setting that other agents do not use, and there must be no database of the first version beside it.
 */
export function readOldConfig(home: string, cwd: string = process.cwd()): ConfigFields | undefined {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(oldFile(home, 'config.json'), 'utf8'));
  } catch {
    // Missing, unreadable or not JSON: it cannot be identified as this server's.
    return undefined;
  }
  if (!isRecord(content) || Object.keys(content).length === 0) return undefined;
  const isOurs = Object.entries(content).every(([field, value]) =>
    rules.some(
      (rule) => [rule.field, rule.alias].includes(field) && rule.parse(value, { home, cwd }) !== undefined,
    ),
  );
  if (!isOurs) return undefined;
  if (hasOldKey(home)) return content;
  const isCommon = Object.keys(content).every((field) => commonFields.has(field));
  return isCommon || existsSync(oldFile(home, 'codebuddy.db')) ? undefined : content;
}

/** Fields that the settings of other agents have, too. */
const commonFields: ReadonlySet<string> = new Set([
  'agent',
  'agents',
  'mcpServers',
  'permissions',
  'providers',
  'model',
  '$schema',
]);

/** Only this server creates such a file. */
function hasOldKey(home: string): boolean {
  try {
    return readFileSync(oldFile(home, 'api-key'), 'utf8').startsWith('cbk_');
  } catch {
    return false;
  }
}

/** Undefined if there is no file. An invalid file counts as empty. */
function readConfigFile(home: string, fault: (message: string) => void): ConfigFields | undefined {
  const file = ownFile(home, 'config.json');
  let content: ConfigFields | undefined;
  try {
    content = readFields(file);
  } catch (error) {
    if (error instanceof SettingsError) fault(error.message);
    else if ((error as NodeJS.ErrnoException).code === 'ENOTDIR')
      fault(`The config folder ${notFolder(home)} is a file, or one of its parents is a file.`);
    else fault(`${file} cannot be read: ${fileFault(error)}.`);
    return {};
  }
  if (content === undefined) return undefined;
  const known = rules.flatMap(({ field, alias }) => [field, alias].filter((name) => name !== undefined));
  for (const field of Object.keys(content)) {
    // Editors use it to complete and check the file.
    if (known.includes(field) || field === '$schema') continue;
    fault(
      `${file} has an unknown field ${JSON.stringify(field)}${didYouMean(field, known) || '.'} Known fields: ${known.join(', ')}.`,
    );
  }
  return { ...content };
}

/**
 * Reads the fields of a config.json. Undefined if there is no file. @throws SettingsError if it holds no JSON object;
 * Error of the file system
 */
export function readFields(file: string): ConfigFields | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new SettingsError(`${file} is not JSON: ${jsonFault(error)}.`);
  }
  if (!isRecord(content)) throw new SettingsError(`${file} must contain a JSON object.`);
  return content;
}

/** The config folder or its subfolder `api`, whichever is not a folder. */
function notFolder(home: string): string {
  try {
    return statSync(home).isDirectory() ? apiFolder(home) : home;
  } catch {
    return home;
  }
}
