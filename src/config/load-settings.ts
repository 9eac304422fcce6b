// Loads the settings: a flag wins over an environment variable, that over config.json, that over the default.

import { hideUrlSecrets } from '../base/redaction.ts';
import { type ConfigFields, readConfig } from './config-file.ts';
import { type SettingRule, settingRules } from './setting-rules.ts';
import { type Flags, type LoadedSettings, type Origins, type Settings, SettingsError } from './settings.ts';

export interface LoadOptions {
  readonly flags?: Flags;
  /** @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Relative paths are resolved against it. @default process.cwd() */
  readonly cwd?: string;
}

/** @throws SettingsError with one line for each invalid setting */
export function loadSettings(options: LoadOptions = {}): LoadedSettings {
  const { faults, ...loaded } = inspectSettings(options);
  if (faults.length > 0) throw new SettingsError(faults.join('\n'));
  return loaded;
}

export interface InspectedSettings extends LoadedSettings {
  /** One sentence for each invalid setting, which has its default value in `settings`. */
  readonly faults: readonly string[];
}

/** Loads the settings without throwing, for `doctor`. */
export function inspectSettings({
  flags = {},
  environment = process.env,
  cwd = process.cwd(),
}: LoadOptions = {}): InspectedSettings {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  const context = { home: '', cwd };
  const take = (name: keyof Settings, file: ConfigFields): void => {
    const rule = settingRules[name] as SettingRule<unknown>;
    const source = findSource(rule, flags[name], environment, file);
    origins[name] = source?.origin ?? 'default';
    const value = source === undefined ? undefined : rule.parse(source.value, context);
    if (source !== undefined && value === undefined)
      faults.push(`${source.origin} must be ${expectedOf(rule, source.value)}${butIs(name, source.value)}.`);
    values[name] = value ?? rule.defaultValue(context);
  };

  take('home', {});
  context.home = values.home as string;
  const file = readConfig(context, (fault) => faults.push(fault));
  for (const name of Object.keys(settingRules) as (keyof Settings)[]) if (name !== 'home') take(name, file);
  // The loop has set every key, each by its own rule.
  return { settings: values as unknown as Settings, origins: origins as unknown as Origins, faults };
}

interface Source {
  readonly origin: string;
  readonly value: unknown;
}

function findSource(
  { flag, variable, commonVariable, field, alias }: SettingRule<unknown>,
  given: unknown,
  environment: NodeJS.ProcessEnv,
  file: ConfigFields,
): Source | undefined {
  if (flag !== undefined && given !== undefined) return { origin: longName(flag.syntax), value: given };
  for (const name of [variable, commonVariable]) {
    const value = name === undefined ? undefined : environment[name];
    // Some tools can unset a variable only by making it empty.
    if (name !== undefined && value !== undefined && value !== '') return { origin: name, value };
  }
  for (const name of [field, alias]) {
    if (name !== undefined && Object.hasOwn(file, name))
      return { origin: `config.json ${name}`, value: file[name] };
  }
  return undefined;
}

/** `--port` of `--port <port>`. */
function longName(syntax: string): string {
  return syntax.split(' ', 1)[0] as string;
}

function expectedOf({ expected }: SettingRule<unknown>, value: unknown): string {
  return typeof expected === 'string' ? expected : expected(value);
}

/** Leaves out keys, values that may contain secrets, and the credentials in URLs. */
function butIs(name: keyof Settings, value: unknown): string {
  if (name === 'apiKey') return '';
  // An invalid URL does not say where its password ends.
  if (name === 'database' && typeof value === 'string' && value.includes('@')) return '';
  const mayHoldSecrets = name === 'providers' || name === 'mcpServers' || name === 'agents';
  const shown = mayHoldSecrets ? kindOf(value) : hideUrlSecrets(JSON.stringify(value));
  return `, not ${shown}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
