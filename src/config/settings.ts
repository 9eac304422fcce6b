// Settings: flag over environment over config.json over default. Each is described once, below: where it comes from, what is right, and
// what the default is; each value knows its origin.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { didYouMean } from '../base/did-you-mean.ts';
import { fileFault } from '../base/file-errors.ts';
import { apiFolder, databaseIn, defaultHome, oldFile, ownFile } from '../base/home-paths.ts';
import { isRecord } from '../base/is-record.ts';
import { hideUrlSecrets, jsonFault } from '../base/redaction.ts';
import { type PermissionMode, permissionModes } from '../contract/permission-mode.ts';
import { type SandboxMode, sandboxModes } from '../contract/sandbox.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Limits of a command in the sandbox. */
export interface SandboxLimits {
  readonly processes: number;
  readonly memoryMb: number;
  readonly fileMb: number;
  readonly tmpMb: number;
}

export interface Permissions {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

export interface CostLimits {
  readonly run?: number;
  readonly session?: number;
  readonly day?: number;
}

export interface Settings {
  /** 0 picks a free one. */
  readonly port: number;
  readonly host: string;
  /** A key that may do everything, beside the local one. */
  readonly apiKey: string | undefined;
  readonly home: string;
  readonly workspace: string;
  /** `provider/name`, or `offline`; the first of a chain of fallbacks first. Undefined: look for one. */
  readonly models: readonly string[] | undefined;
  /** Servers that speak OpenAI's chat completions, by name; the agent checks them. */
  readonly providers: unknown;
  /** MCP servers in the field's usual shape; the agent checks them. */
  readonly mcpServers: unknown;
  readonly permissionMode: PermissionMode;
  /** Rules as `bash(npm test)`; the agent checks them. */
  readonly permissions: Permissions;
  /** Patterns of files that run later, beside the built-in ones; relative to the workspace. */
  readonly protectedPaths: readonly string[];
  /** US dollars; what is left out has no limit. */
  readonly costLimits: CostLimits;
  /** US dollars a session or a day may cost before a `cost.threshold` event. */
  readonly costThresholds: readonly number[];
  /** Runs that work at the same time. */
  readonly maxActiveRuns: number;
  /** Runs that may wait for a person, in all and of one API key; and runs that may be queued. */
  readonly maxWaitingRuns: number;
  readonly maxWaitingRunsPerKey: number;
  readonly maxQueuedRuns: number;
  readonly maxQueuedRunsPerKey: number;
  readonly maxQueuedRunsPerSession: number;
  /** Tokens that the model can read, where the price list does not know it. */
  readonly contextWindow: number | undefined;
  /** Without a byte from a model for this long, in ms, its call is given up. Undefined: by where the model is. */
  readonly modelSilenceMs: number | undefined;
  /** Do commands run in the sandbox: always, where it works, or never? */
  readonly sandbox: SandboxMode;
  /** May commands in the sandbox use the network? */
  readonly sandboxNetwork: boolean;
  readonly sandboxLimits: SandboxLimits;
  /** Places that commands in the sandbox must not see, beside the built-in ones. */
  readonly sandboxHide: readonly string[];
  /** Places of the built-in credentials that they may see. */
  readonly sandboxShow: readonly string[];
  /** Are changes of files by others than the tools told? */
  readonly watch: boolean;
  readonly databasePath: string;
  readonly logLevel: LogLevel;
  readonly enableCors: boolean | readonly string[];
  readonly allowedHosts: readonly string[];
  readonly retentionDays: number;
  /** Where webhooks may go beside public addresses: CIDRs and host names. */
  readonly allowedTargets: readonly string[];
  /** A PEM file of further certificate authorities for webhooks. */
  readonly webhookCa: string | undefined;
  /** The URL of an HTTP proxy that carries deliveries. */
  readonly webhookProxy: string | undefined;
}

/** Where a value came from, in words: `--port`, `CODEBUDDY_PORT`, `config.json`, `default`. */
export type Origins = Readonly<Record<keyof Settings, string>>;

export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: Origins;
}

/** Flags as the CLI has parsed them; `undefined` where they were not given. */
export type Flags = Partial<
  Readonly<Record<keyof Settings, string | readonly string[] | boolean | undefined>>
>;

/** A setting that makes no sense; the message names where it stands, the value, and what would be right. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

interface Source {
  readonly origin: string;
  readonly value: unknown;
}

interface Rule<T> {
  readonly flag?: string;
  readonly variable?: string;
  /** Of config.json. */
  readonly field?: string;
  /** Another name for the field. */
  readonly alias?: string;
  readonly fallback: (context: Context) => T;
  /** Gives the value, or undefined where it does not fit. Text comes from flags and variables, JSON values from the file. */
  readonly parse: (value: unknown, context: Context) => T | undefined;
  readonly right: string;
}

interface Context {
  readonly home: string;
  readonly cwd: string;
}

const mostOfALimit = 10_000_000;
const defaultSandboxLimits: SandboxLimits = { processes: 4096, memoryMb: 8192, fileMb: 4096, tmpMb: 2048 };
const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

const rules: { readonly [K in keyof Settings]: Rule<Settings[K]> } = {
  home: {
    flag: '--home',
    variable: 'CODEBUDDY_HOME',
    fallback: () => defaultHome({}),
    parse: (value, { cwd }) => path(value, cwd),
    right: 'a folder',
  },
  port: {
    flag: '--port',
    variable: 'CODEBUDDY_PORT',
    field: 'port',
    fallback: () => 3847,
    parse: (value) => integer(value, 0, 65_535),
    right: 'a whole number from 0 to 65535 (0 picks a free one)',
  },
  host: {
    flag: '--host',
    variable: 'CODEBUDDY_HOST',
    field: 'host',
    fallback: () => '127.0.0.1',
    parse: (value) => (typeof value === 'string' && /^[A-Za-z0-9.:_-]+$/.test(value) ? value : undefined),
    right: 'an address or a host name',
  },
  apiKey: {
    variable: 'CODEBUDDY_API_KEY',
    fallback: () => undefined,
    parse: (value) => (typeof value === 'string' && /^[\x21-\x7e]{16,512}$/.test(value) ? value : undefined),
    right: '16 to 512 printable ASCII characters without spaces',
  },
  workspace: {
    flag: '--workspace',
    variable: 'CODEBUDDY_WORKSPACE',
    field: 'workspace',
    fallback: ({ cwd }) => cwd,
    parse: (value, { cwd }) => path(value, cwd),
    right: 'a folder',
  },
  models: {
    flag: '--model',
    variable: 'CODEBUDDY_MODEL',
    field: 'models',
    alias: 'model',
    fallback: () => undefined,
    parse: (value) => {
      const models = list(value, (item) => item === 'offline' || /^[a-z0-9_-]+\/\S{1,190}$/.test(item));
      return models === undefined || models.length === 0 ? undefined : models;
    },
    right:
      '"offline", provider/name as anthropic/claude-sonnet-5-5, or several of them, the first choice first',
  },
  providers: {
    field: 'providers',
    fallback: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    right: 'an object: {"name": {"baseURL": "http://127.0.0.1:8000/v1"}}',
  },
  mcpServers: {
    field: 'mcpServers',
    fallback: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    right: 'an object: {"name": {"command": "…", "args": []}}',
  },
  permissionMode: {
    flag: '--permission-mode',
    variable: 'CODEBUDDY_PERMISSION_MODE',
    field: 'permissionMode',
    fallback: () => 'ask',
    parse: (value) => permissionModes.find((mode) => mode === value),
    right: permissionModes.join(', '),
  },
  permissions: {
    field: 'permissions',
    fallback: () => ({ allow: [], deny: [] }),
    parse: parsePermissions,
    right: 'an object: {"allow": ["bash(npm test)"], "deny": ["write_file(.env*)"]}',
  },
  protectedPaths: {
    field: 'protectedPaths',
    fallback: () => [],
    parse: (value) =>
      Array.isArray(value) ? list(value, (item) => item !== '' && item.length <= 1000) : undefined,
    right: 'a list of patterns relative to the workspace: ["deploy/**", "*.tf"]',
  },
  costLimits: {
    field: 'costLimits',
    fallback: () => ({}),
    parse: parseCostLimits,
    right: 'an object of US dollars: {"run": 1, "session": 5, "day": 20}',
  },
  costThresholds: {
    field: 'costThresholds',
    fallback: () => [],
    parse: (value) => (Array.isArray(value) && value.every(isDollars) ? (value as number[]) : undefined),
    right: 'a list of US dollars, as [1, 5, 10]',
  },
  maxActiveRuns: {
    field: 'maxActiveRuns',
    fallback: () => 8,
    parse: (value) => integer(value, 1, 1000),
    right: 'a whole number from 1 to 1000',
  },
  maxWaitingRuns: runCount('maxWaitingRuns', 256),
  maxWaitingRunsPerKey: runCount('maxWaitingRunsPerKey', 64),
  maxQueuedRuns: runCount('maxQueuedRuns', 256),
  maxQueuedRunsPerKey: runCount('maxQueuedRunsPerKey', 128),
  maxQueuedRunsPerSession: runCount('maxQueuedRunsPerSession', 16),
  contextWindow: {
    field: 'contextWindow',
    fallback: () => undefined,
    parse: (value) => integer(value, 1000, 100_000_000),
    right: 'a whole number of tokens from 1000',
  },
  modelSilenceMs: {
    field: 'modelSilenceMs',
    fallback: () => undefined,
    parse: (value) => integer(value, 1000, 86_400_000),
    right: 'a whole number of milliseconds from 1000 to 86400000 (a day)',
  },
  sandbox: {
    flag: '--sandbox',
    variable: 'CODEBUDDY_SANDBOX',
    field: 'sandbox',
    fallback: () => 'auto',
    parse: (value) => sandboxModes.find((mode) => mode === value),
    right: sandboxModes.join(', '),
  },
  sandboxNetwork: {
    field: 'sandboxNetwork',
    fallback: () => false,
    parse: (value) => (typeof value === 'boolean' ? value : undefined),
    right: 'true or false',
  },
  sandboxLimits: {
    field: 'sandboxLimits',
    fallback: () => defaultSandboxLimits,
    parse: parseSandboxLimits,
    right: `an object of whole numbers from 1 to ${mostOfALimit}: {"processes": 4096, "memoryMb": 8192, "fileMb": 4096, "tmpMb": 2048}`,
  },
  sandboxHide: {
    field: 'sandboxHide',
    fallback: () => [],
    parse: (value) => list(value, isPlace),
    right: 'a list of absolute paths, or paths as ~/secrets',
  },
  sandboxShow: {
    field: 'sandboxShow',
    fallback: () => [],
    parse: (value) => list(value, isPlace),
    right: 'a list of absolute paths, or paths as ~/.npmrc',
  },
  watch: {
    field: 'watch',
    fallback: () => true,
    parse: (value) => (typeof value === 'boolean' ? value : undefined),
    right: 'true or false',
  },
  databasePath: {
    flag: '--database',
    variable: 'DATABASE_URL',
    field: 'database',
    fallback: ({ home }) => databaseIn(home),
    parse: (value, { cwd }) => databasePath(value, cwd),
    right: 'a path, or sqlite:PATH; this release has no other database than SQLite',
  },
  logLevel: {
    flag: '--log-level',
    variable: 'CODEBUDDY_LOG_LEVEL',
    field: 'logLevel',
    fallback: () => 'info',
    parse: (value) => levels.find((level) => level === value),
    right: levels.join(', '),
  },
  enableCors: {
    flag: '--cors',
    field: 'cors',
    fallback: () => false,
    parse: (value) => (typeof value === 'boolean' ? value : list(value, isOrigin)),
    right: 'true, false, or origins as https://example.org',
  },
  allowedHosts: {
    flag: '--allowed-host',
    field: 'allowedHosts',
    fallback: () => [],
    parse: (value) => list(value, (item) => /^[A-Za-z0-9.*:[\]_-]+$/.test(item)),
    right: 'host names, as example.org or *.example.org',
  },
  retentionDays: {
    field: 'retentionDays',
    fallback: () => 90,
    parse: (value) => integer(value, 1, 36_500),
    right: 'a whole number of days from 1 to 36500',
  },
  allowedTargets: {
    flag: '--allowed-target',
    field: 'allowedTargets',
    fallback: () => [],
    parse: (value) => list(value, (item) => /^[A-Za-z0-9.*:/_-]+$/.test(item)),
    right: 'addresses, CIDRs as 10.0.0.0/8, or host names as example.org or *.example.org',
  },
  webhookProxy: {
    variable: 'CODEBUDDY_WEBHOOK_PROXY',
    field: 'webhookProxy',
    fallback: () => undefined,
    parse: (value) => {
      const url = typeof value === 'string' ? URL.parse(value) : null;
      const fits =
        url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '';
      return fits ? url.href : undefined;
    },
    right: 'the URL of an HTTP proxy, as http://proxy.example.org:3128',
  },
  webhookCa: {
    variable: 'CODEBUDDY_WEBHOOK_CA',
    field: 'webhookCa',
    fallback: () => undefined,
    parse: (value, { cwd }) => path(value, cwd),
    right: 'a PEM file',
  },
};

export interface LoadOptions {
  readonly flags?: Flags;
  readonly environment?: NodeJS.ProcessEnv;
  /** @default process.cwd() */
  readonly cwd?: string;
}

/** @throws SettingsError that names every setting that makes no sense, one a line */
export function loadSettings(options: LoadOptions = {}): LoadedSettings {
  const { faults, ...loaded } = inspectSettings(options);
  if (faults.length > 0) throw new SettingsError(faults.join('\n'));
  return loaded;
}

export interface InspectedSettings extends LoadedSettings {
  /** Each names a setting that makes no sense; its value in `settings` is the default. */
  readonly faults: readonly string[];
}

/** The same, for `doctor`, which goes on. */
export function inspectSettings({
  flags = {},
  environment = process.env,
  cwd = process.cwd(),
}: LoadOptions = {}): InspectedSettings {
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  const context = { home: '', cwd };
  const take = (name: keyof Settings, file: Readonly<Record<string, unknown>>): void => {
    const rule = rules[name] as Rule<unknown>;
    const source = findSource(rule, flags[name], environment, file);
    origins[name] = source?.origin ?? 'default';
    const value = source === undefined ? undefined : rule.parse(source.value, context);
    if (source !== undefined && value === undefined)
      faults.push(`${source.origin} is ${shown(name, source.value)}; it must be ${rule.right}`);
    values[name] = value ?? rule.fallback(context);
  };

  take('home', {});
  context.home = values.home as string;
  const file = readConfig(context, (fault) => faults.push(fault));
  for (const name of Object.keys(rules) as (keyof Settings)[]) if (name !== 'home') take(name, file);
  // Every key of `rules` was taken, each by its own rule.
  return { settings: values as unknown as Settings, origins: origins as unknown as Origins, faults };
}

function findSource(
  rule: Rule<unknown>,
  flag: unknown,
  environment: NodeJS.ProcessEnv,
  file: Readonly<Record<string, unknown>>,
): Source | undefined {
  if (rule.flag !== undefined && flag !== undefined) return { origin: rule.flag, value: flag };
  const variable = rule.variable === undefined ? undefined : environment[rule.variable];
  // An empty variable is one that was unset the only way some tools can.
  if (rule.variable !== undefined && variable !== undefined && variable !== '') {
    return { origin: rule.variable, value: variable };
  }
  for (const field of [rule.field, rule.alias]) {
    if (field !== undefined && Object.hasOwn(file, field))
      return { origin: `config.json ${field}`, value: file[field] };
  }
  return undefined;
}

/** Keys, and settings that may hold some, are never shown; of URLs, user and password are not. */
function shown(name: keyof Settings, value: unknown): string {
  if (name === 'apiKey') return 'set, but not shown here';
  if (name === 'providers' || name === 'mcpServers') return kindOf(value);
  return hideUrlSecrets(JSON.stringify(value));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

/** `api/config.json`, or while there is none the file that an earlier release read, if it is ours. */
function readConfig(
  { home, cwd }: Context,
  fault: (message: string) => void,
): Readonly<Record<string, unknown>> {
  return readConfigFile(home, fault) ?? readOldConfig(home, cwd) ?? {};
}

/**
 * The settings in `config.json` of the config folder itself, where earlier releases kept them; undefined if that file is not known to be ours.
 * The first version, and other agents that use the folder, keep a file of the same name there. Ours holds known settings with valid values only.
 * Without our API key beside it, it also holds one that others have no use for, and stands beside no database.
 */
export function readOldConfig(
  home: string,
  cwd: string = process.cwd(),
): Readonly<Record<string, unknown>> | undefined {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(oldFile(home, 'config.json'), 'utf8'));
  } catch {
    // Missing, unreadable or not JSON: nothing says that it is ours.
    return undefined;
  }
  if (!isRecord(content) || Object.keys(content).length === 0) return undefined;
  const known: readonly Rule<unknown>[] = Object.values(rules);
  const isOurs = Object.entries(content).every(([field, value]) =>
    known.some((rule) => [rule.field, rule.alias].includes(field) && isValid(rule, value, { home, cwd })),
  );
  if (!isOurs) return undefined;
  if (hasOldKey(home)) return content;
  const isCommon = Object.keys(content).every((field) => commonFields.has(field));
  return isCommon || existsSync(oldFile(home, 'codebuddy.db')) ? undefined : content;
}

/** Fields that the settings of other agents have too. */
const commonFields: ReadonlySet<string> = new Set([
  'mcpServers',
  'permissions',
  'providers',
  'model',
  '$schema',
]);

function isValid(rule: Rule<unknown>, value: unknown, context: Context): boolean {
  return rule.parse(value, context) !== undefined;
}

/** Only our own server makes such a file. */
function hasOldKey(home: string): boolean {
  try {
    return readFileSync(oldFile(home, 'api-key'), 'utf8').startsWith('cbk_');
  } catch {
    return false;
  }
}

/** Which of the two folders is a file. */
function notFolder(home: string): string {
  try {
    return statSync(home).isDirectory() ? apiFolder(home) : home;
  } catch {
    return home;
  }
}

/** Undefined if there is none. What is wrong with the file is told to `fault`; then it counts as empty. */
function readConfigFile(
  home: string,
  fault: (message: string) => void,
): Readonly<Record<string, unknown>> | undefined {
  const file = ownFile(home, 'config.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') fault(`the config folder ${notFolder(home)} is a file, or lies in one`);
    else fault(`${file} cannot be read: ${fileFault(error)}`);
    return {};
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    fault(`${file} is not JSON: ${jsonFault(error)}`);
    return {};
  }
  if (!isRecord(content)) {
    fault(`${file} must hold a JSON object`);
    return {};
  }
  const known = Object.values(rules as Readonly<Record<string, Rule<unknown>>>).flatMap(({ field, alias }) =>
    [field, alias].filter((name) => name !== undefined),
  );
  for (const field of Object.keys(content)) {
    // For editors, which complete and check the file by it.
    if (known.includes(field) || field === '$schema') continue;
    fault(
      `${file} has an unknown field ${JSON.stringify(field)}${didYouMean(field, known)}; the fields are ${known.join(', ')}`,
    );
  }
  return { ...content };
}

/** A number of runs. */
function runCount(field: string, fallback: number): Rule<number> {
  return {
    field,
    fallback: () => fallback,
    parse: (value) => integer(value, 1, 10_000),
    right: 'a whole number from 1 to 10000',
  };
}

function integer(value: unknown, least: number, most: number): number | undefined {
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
    ? number
    : undefined;
}

function path(value: unknown, cwd: string): string | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) return undefined;
  return isAbsolute(value) ? value : resolve(cwd, value);
}

function databasePath(value: unknown, cwd: string): string | undefined {
  if (typeof value !== 'string') return undefined;
  const scheme = /^([a-z][a-z0-9+.-]+):(?:\/\/)?/i.exec(value);
  if (scheme === null) return path(value, cwd);
  return /^(sqlite|file)$/i.test(scheme[1] as string) ? path(value.slice(scheme[0].length), cwd) : undefined;
}

function list(value: unknown, isItem: (item: string) => boolean): readonly string[] | undefined {
  const items = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(items)) return undefined;
  return items.every((item) => typeof item === 'string' && isItem(item)) ? items : undefined;
}

function parsePermissions(value: unknown): Permissions | undefined {
  if (!isRecord(value) || Object.keys(value).some((name) => name !== 'allow' && name !== 'deny'))
    return undefined;
  const allow = list(value.allow ?? [], (rule) => rule !== '');
  const deny = list(value.deny ?? [], (rule) => rule !== '');
  return allow === undefined || deny === undefined ? undefined : { allow, deny };
}

function parseCostLimits(value: unknown): CostLimits | undefined {
  if (!isRecord(value)) return undefined;
  const known = ['run', 'session', 'day'];
  return Object.entries(value).every(([name, limit]) => known.includes(name) && isDollars(limit))
    ? (value as CostLimits)
    : undefined;
}

/** What is left out keeps its default. */
function parseSandboxLimits(value: unknown): SandboxLimits | undefined {
  if (!isRecord(value)) return undefined;
  const isRight = Object.entries(value).every(
    ([name, limit]) =>
      Object.hasOwn(defaultSandboxLimits, name) &&
      typeof limit === 'number' &&
      integer(limit, 1, mostOfALimit) !== undefined,
  );
  return isRight ? { ...defaultSandboxLimits, ...value } : undefined;
}

/** Of this machine, whatever folder the server was started in. */
function isPlace(item: string): boolean {
  return (isAbsolute(item) || item.startsWith('~/')) && !item.includes('\0');
}

function isDollars(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function isOrigin(item: string): boolean {
  return URL.canParse(item) && new URL(item).origin === item;
}
