// The one declaration of each setting: its flag, its environment variable, its field in config.json, its default and
// its valid values. The flags and help of `codebuddy serve` come from this table, too.

import { databaseIn, defaultHome } from '../base/home-paths.ts';
import { isRecord } from '../base/is-record.ts';
import { builtinAgent, presetAgents } from '../contract/agent.ts';
import { permissionModes } from '../contract/permission-mode.ts';
import { sandboxModes } from '../contract/sandbox.ts';
import {
  costLimits,
  database,
  databaseExpected,
  dollarAmounts,
  httpProxy,
  httpUrl,
  integer,
  isFixedPath,
  isOrigin,
  list,
  path,
  permissionRules,
  sandboxLimits,
} from './setting-values.ts';
import type { LogLevel, SandboxLimits, Settings } from './settings.ts';

export interface SettingRule<T> {
  readonly flag?: SettingFlag;
  /** Environment variable. */
  readonly variable?: string;
  /** A variable that other programs use for the same, read if `variable` is not set. */
  readonly commonVariable?: string;
  /** Field of config.json. */
  readonly field?: string;
  /** Another name for the field. */
  readonly alias?: string;
  readonly defaultValue: (context: SettingContext) => T;
  /** Returns the value, or undefined if it is invalid. */
  readonly parse: (value: unknown, context: SettingContext) => T | undefined;
  /** Completes the sentence "… must be …". A function may say what is wrong with the value. */
  readonly expected: string | ((value: unknown) => string);
}

export interface SettingFlag {
  /** As commander reads it: `--port <port>`. */
  readonly syntax: string;
  readonly help: string;
  /** The default, in the words of the help, if it is not a constant. */
  readonly defaultText?: string;
  /** Whether the flag may be repeated. @default false */
  readonly isRepeatable?: boolean;
  /** All valid values, if they are few. Completion scripts offer them. */
  readonly words?: readonly string[];
}

export interface SettingContext {
  readonly home: string;
  readonly cwd: string;
}

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];
const maxSandboxLimit = 10_000_000;
const defaultSandboxLimits: SandboxLimits = { processes: 4096, memoryMb: 8192, fileMb: 4096, tmpMb: 2048 };

export const settingRules: { readonly [K in keyof Settings]: SettingRule<Settings[K]> } = {
  home: {
    flag: { syntax: '--home <folder>', help: 'config folder', defaultText: '~/.codebuddy' },
    variable: 'CODEBUDDY_HOME',
    defaultValue: () => defaultHome({}),
    parse: (value, { cwd }) => path(value, cwd),
    expected: 'a folder',
  },
  port: {
    flag: { syntax: '--port <port>', help: 'TCP port; 0 picks a free one' },
    variable: 'CODEBUDDY_PORT',
    field: 'port',
    defaultValue: () => 3847,
    parse: (value) => integer(value, 0, 65_535),
    expected: 'a whole number from 0 to 65535 (0 picks a free port)',
  },
  host: {
    flag: { syntax: '--host <host>', help: 'address to listen on' },
    variable: 'CODEBUDDY_HOST',
    field: 'host',
    defaultValue: () => '127.0.0.1',
    parse: (value) => (typeof value === 'string' && /^[A-Za-z0-9.:_-]+$/.test(value) ? value : undefined),
    expected: 'an address or a host name',
  },
  apiKey: {
    variable: 'CODEBUDDY_API_KEY',
    defaultValue: () => undefined,
    parse: (value) => (typeof value === 'string' && /^[\x21-\x7e]{16,512}$/.test(value) ? value : undefined),
    expected: '16 to 512 printable ASCII characters without spaces',
  },
  workspace: {
    flag: {
      syntax: '--workspace <folder>',
      help: 'folder that tools may read and change',
      defaultText: 'current folder',
    },
    variable: 'CODEBUDDY_WORKSPACE',
    field: 'workspace',
    defaultValue: ({ cwd }) => cwd,
    parse: (value, { cwd }) => path(value, cwd),
    expected: 'a folder',
  },
  models: {
    flag: {
      syntax: '--model <model>',
      help: 'model as provider/name, or "offline"; separate fallbacks with commas',
      defaultText: 'chosen by the API keys and local models found',
    },
    variable: 'CODEBUDDY_MODEL',
    field: 'models',
    alias: 'model',
    defaultValue: () => undefined,
    parse: (value) => {
      const models = list(value, (item) => item === 'offline' || /^[a-z0-9_-]+\/\S{1,190}$/.test(item));
      return models === undefined || models.length === 0 ? undefined : models;
    },
    expected:
      '"offline", a model such as anthropic/claude-sonnet-5-5, or a list of models, first choice first',
  },
  providers: {
    field: 'providers',
    defaultValue: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    expected: 'an object such as {"name": {"baseURL": "http://127.0.0.1:8000/v1"}}',
  },
  mcpServers: {
    field: 'mcpServers',
    defaultValue: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    expected: 'an object such as {"name": {"command": "…", "args": []}}',
  },
  agents: {
    field: 'agents',
    defaultValue: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    expected: 'an object such as {"claude": {"command": "claude-agent-acp"}}',
  },
  agent: {
    flag: {
      syntax: '--agent <name>',
      help: 'agent that answers new sessions, such as claude or codex; "codebuddy agents" lists them',
      defaultText: builtinAgent,
      words: [builtinAgent, ...presetAgents],
    },
    variable: 'CODEBUDDY_AGENT',
    field: 'agent',
    defaultValue: () => undefined,
    parse: (value) =>
      typeof value === 'string' && /^[a-z0-9][a-z0-9_-]{0,63}$/.test(value) ? value : undefined,
    expected: 'the name of an agent, such as builtin or claude',
  },
  permissionMode: {
    flag: {
      syntax: '--permission-mode <mode>',
      help: `permission mode: ${permissionModes.join(', ')}`,
      words: permissionModes,
    },
    variable: 'CODEBUDDY_PERMISSION_MODE',
    field: 'permissionMode',
    defaultValue: () => 'ask',
    parse: (value) => permissionModes.find((mode) => mode === value),
    expected: oneOf(permissionModes),
  },
  permissions: {
    field: 'permissions',
    defaultValue: () => ({ allow: [], deny: [] }),
    parse: permissionRules,
    expected: 'an object such as {"allow": ["bash(npm test)"], "deny": ["write_file(.env*)"]}',
  },
  protectedPaths: {
    field: 'protectedPaths',
    defaultValue: () => [],
    parse: (value) =>
      Array.isArray(value) ? list(value, (item) => item !== '' && item.length <= 1000) : undefined,
    expected: 'a list of patterns relative to the workspace, such as ["deploy/**", "*.tf"]',
  },
  costLimits: {
    field: 'costLimits',
    defaultValue: () => ({}),
    parse: costLimits,
    expected: 'an object of US dollars such as {"run": 1, "session": 5, "day": 20}',
  },
  costThresholds: {
    field: 'costThresholds',
    defaultValue: () => [],
    parse: dollarAmounts,
    expected: 'a list of US dollars such as [1, 5, 10]',
  },
  maxActiveRuns: runCount('maxActiveRuns', 8, 1000),
  maxWaitingRuns: runCount('maxWaitingRuns', 256),
  maxWaitingRunsPerKey: runCount('maxWaitingRunsPerKey', 64),
  maxQueuedRuns: runCount('maxQueuedRuns', 256),
  maxQueuedRunsPerKey: runCount('maxQueuedRunsPerKey', 128),
  maxQueuedRunsPerSession: runCount('maxQueuedRunsPerSession', 16),
  contextWindow: {
    field: 'contextWindow',
    defaultValue: () => undefined,
    parse: (value) => integer(value, 1000, 100_000_000),
    expected: 'a whole number of tokens from 1000 to 100000000',
  },
  modelSilenceMs: {
    field: 'modelSilenceMs',
    defaultValue: () => undefined,
    parse: (value) => integer(value, 1000, 86_400_000),
    expected: 'a whole number of milliseconds from 1000 to 86400000 (one day)',
  },
  sandbox: {
    flag: {
      syntax: '--sandbox <mode>',
      help: 'run commands in the sandbox: required, auto (where it works) or off',
      words: sandboxModes,
    },
    variable: 'CODEBUDDY_SANDBOX',
    field: 'sandbox',
    defaultValue: () => 'auto',
    parse: (value) => sandboxModes.find((mode) => mode === value),
    expected: oneOf(sandboxModes),
  },
  sandboxNetwork: trueOrFalse('sandboxNetwork', false),
  sandboxLimits: {
    field: 'sandboxLimits',
    defaultValue: () => defaultSandboxLimits,
    parse: (value) => sandboxLimits(value, defaultSandboxLimits, maxSandboxLimit),
    expected: `an object of whole numbers from 1 to ${maxSandboxLimit} such as ${JSON.stringify(defaultSandboxLimits)}`,
  },
  sandboxHide: {
    field: 'sandboxHide',
    defaultValue: () => [],
    parse: (value) => list(value, isFixedPath),
    expected: 'a list of absolute paths, or paths such as ~/secrets',
  },
  sandboxShow: {
    field: 'sandboxShow',
    defaultValue: () => [],
    parse: (value) => list(value, isFixedPath),
    expected: 'a list of absolute paths, or paths such as ~/.npmrc',
  },
  watch: trueOrFalse('watch', true),
  database: {
    flag: {
      syntax: '--database <path or url>',
      help: 'SQLite file, or the PostgreSQL database that several nodes share: postgres://user:password@host:5432/database',
      defaultText: 'api/codebuddy.db in the config folder',
    },
    variable: 'CODEBUDDY_DATABASE_URL',
    commonVariable: 'DATABASE_URL',
    field: 'database',
    alias: 'databaseUrl',
    defaultValue: ({ home }) => ({ kind: 'sqlite', path: databaseIn(home) }),
    parse: (value, { cwd }) => database(value, cwd),
    expected: databaseExpected,
  },
  nodeUrl: {
    flag: {
      syntax: '--node-url <url>',
      help: 'where other nodes and operators reach this node; shown in lists of nodes',
      defaultText: 'its address',
    },
    variable: 'CODEBUDDY_NODE_URL',
    field: 'nodeUrl',
    defaultValue: () => undefined,
    parse: httpUrl,
    expected: 'a URL such as http://10.0.0.5:3847',
  },
  logLevel: {
    flag: {
      syntax: '--log-level <level>',
      help: `log level: ${logLevels.join(', ')}`,
      words: logLevels,
    },
    variable: 'CODEBUDDY_LOG_LEVEL',
    field: 'logLevel',
    defaultValue: () => 'info',
    parse: (value) => logLevels.find((level) => level === value),
    expected: oneOf(logLevels),
  },
  enableCors: {
    flag: {
      syntax: '--cors [origins]',
      help: 'allow web pages of these origins, separated by commas; of any origin if no list is given',
    },
    field: 'cors',
    defaultValue: () => false,
    parse: (value) => (typeof value === 'boolean' ? value : list(value, isOrigin)),
    expected: 'true, false, or a list of origins such as https://example.org',
  },
  allowedHosts: {
    flag: {
      syntax: '--allowed-host <name>',
      help: 'accept this name in the Host header, too; may be repeated',
      isRepeatable: true,
    },
    field: 'allowedHosts',
    defaultValue: () => [],
    parse: (value) => list(value, (item) => /^[A-Za-z0-9.*:[\]_-]+$/.test(item)),
    expected: 'a list of host names such as example.org or *.example.org',
  },
  retentionDays: {
    field: 'retentionDays',
    defaultValue: () => 90,
    parse: (value) => integer(value, 1, 36_500),
    expected: 'a whole number of days from 1 to 36500',
  },
  autostart: {
    variable: 'CODEBUDDY_AUTOSTART',
    field: 'autostart',
    defaultValue: () => true,
    parse: (value) =>
      typeof value === 'boolean' ? value : [true, false].find((one) => String(one) === value),
    expected: 'true or false',
  },
  allowedTargets: {
    flag: {
      syntax: '--allowed-target <target>',
      help: 'address, CIDR or name that webhooks may send to, in addition to public addresses; may be repeated',
      isRepeatable: true,
    },
    field: 'allowedTargets',
    defaultValue: () => [],
    parse: (value) => list(value, (item) => /^[A-Za-z0-9.*:/_-]+$/.test(item)),
    expected:
      'a list of addresses, CIDRs such as 10.0.0.0/8, or host names such as example.org or *.example.org',
  },
  webhookProxy: {
    variable: 'CODEBUDDY_WEBHOOK_PROXY',
    field: 'webhookProxy',
    defaultValue: () => undefined,
    parse: httpProxy,
    expected: 'the URL of an HTTP proxy such as http://proxy.example.org:3128',
  },
  webhookCa: {
    variable: 'CODEBUDDY_WEBHOOK_CA',
    field: 'webhookCa',
    defaultValue: () => undefined,
    parse: (value, { cwd }) => path(value, cwd),
    expected: 'the path of a PEM file',
  },
};

function runCount(field: string, count: number, most = 10_000): SettingRule<number> {
  return {
    field,
    defaultValue: () => count,
    parse: (value) => integer(value, 1, most),
    expected: `a whole number from 1 to ${most}`,
  };
}

function trueOrFalse(field: string, preset: boolean): SettingRule<boolean> {
  return {
    field,
    defaultValue: () => preset,
    parse: (value) => (typeof value === 'boolean' ? value : undefined),
    expected: 'true or false',
  };
}

function oneOf(words: readonly string[]): string {
  return `one of ${words.join(', ')}`;
}
