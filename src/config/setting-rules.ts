// The one declaration of each setting: its flag, its environment variable, its field in config.json, its default and
// its valid values. The flags and help of `codebuddy serve`, and docs/settings.md, come from this table, too.
//
// Over 400 lines: the table has every setting.

import { resolve } from 'node:path';
import { databaseIn, defaultHome } from '../base/home-paths.ts';
import { isRecord } from '../base/is-record.ts';
import { builtinAgent, presetAgents } from '../contract/agent-names.ts';
import { defaultAnswerTimeMs, maxAnswerTimeMs, unansweredActions } from '../contract/answer-time.ts';
import { permissionModes } from '../contract/permission-mode.ts';
import { sandboxModes } from '../contract/sandbox.ts';
import { traceSamplers } from '../contract/trace-sampler.ts';
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
  ratio,
  sandboxLimits,
  triggerModes,
} from './setting-values.ts';
import type { LogLevel, SandboxLimits, Settings } from './settings.ts';

export interface SettingRule<T> {
  /** A sentence for the reference. @default the help of the flag */
  readonly about?: string;
  /** The default in words, if it is not a constant. */
  readonly defaultText?: string;
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
    about: 'The config folder.',
    defaultText: '~/.codebuddy',
    flag: { syntax: '--home <folder>', help: 'config folder' },
    variable: 'CODEBUDDY_HOME',
    defaultValue: () => defaultHome({}),
    parse: (value, { cwd }) => path(value, cwd),
    expected: 'a folder',
  },
  port: {
    about: 'The TCP port.',
    flag: { syntax: '--port <port>', help: 'TCP port; 0 picks a free one' },
    variable: 'CODEBUDDY_PORT',
    field: 'port',
    defaultValue: () => 3847,
    parse: (value) => integer(value, 0, 65_535),
    expected: 'a whole number from 0 to 65535 (0 picks a free port)',
  },
  host: {
    about: 'The address to listen on.',
    flag: { syntax: '--host <host>', help: 'address to listen on' },
    variable: 'CODEBUDDY_HOST',
    field: 'host',
    defaultValue: () => '127.0.0.1',
    parse: (value) => (typeof value === 'string' && /^[A-Za-z0-9.:_-]+$/.test(value) ? value : undefined),
    expected: 'an address or a host name',
  },
  apiKey: {
    about: 'An API key with every scope, in addition to the local key and to created ones.',
    variable: 'CODEBUDDY_API_KEY',
    defaultValue: () => undefined,
    parse: (value) => (typeof value === 'string' && /^[\x21-\x7e]{16,512}$/.test(value) ? value : undefined),
    expected: '16 to 512 printable ASCII characters without spaces',
  },
  workspace: {
    about: 'The folder that tools may read and change.',
    defaultText: 'current folder',
    flag: {
      syntax: '--workspace <folder>',
      help: 'folder that tools may read and change',
    },
    variable: 'CODEBUDDY_WORKSPACE',
    field: 'workspace',
    defaultValue: ({ cwd }) => cwd,
    parse: (value, { cwd }) => path(value, cwd),
    expected: 'a folder',
  },
  workspaceRoots: {
    about:
      'Folders that sessions may work in, or in folders of, in addition to the workspace. See [Workspaces](workspaces.md).',
    defaultText: 'none',
    flag: {
      syntax: '--workspace-root <folder>',
      help: 'folder that sessions may work in, or in folders of, in addition to the workspace; may be repeated',
      isRepeatable: true,
    },
    variable: 'CODEBUDDY_WORKSPACE_ROOTS',
    field: 'workspaceRoots',
    defaultValue: () => [],
    parse: (value, { cwd }) => {
      const paths = list(value, (item) => path(item, cwd) !== undefined);
      return paths?.map((item) => resolve(cwd, item));
    },
    expected: 'a list of folders',
  },
  models: {
    about:
      'The model that answers, with fallbacks, first choice first. See [The agent](agent.md#which-model-answers).',
    defaultText: 'chosen by the API keys and local models found',
    flag: {
      syntax: '--model <model>',
      help: 'model as provider/name, or "offline"; separate fallbacks with commas',
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
    about:
      "Model servers with OpenAI's chat completions, by name. See [The agent](agent.md#which-model-answers).",
    field: 'providers',
    defaultValue: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    expected: 'an object such as {"name": {"baseURL": "http://127.0.0.1:8000/v1"}}',
  },
  mcpServers: {
    about: 'MCP servers, by name, in the format of other MCP clients. See [MCP servers](mcp.md).',
    field: 'mcpServers',
    defaultValue: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    expected: 'an object such as {"name": {"command": "…", "args": []}}',
  },
  mcpPrograms: {
    about:
      'Programs that may be started as MCP servers over the API: each is the start of a command line. See [MCP servers](mcp.md#at-run-time).',
    defaultText: 'none',
    field: 'mcpPrograms',
    defaultValue: () => [],
    parse: (value) => (Array.isArray(value) ? list(value, (item) => item.trim() !== '') : undefined),
    expected: 'a list such as ["npx -y @modelcontextprotocol/server-filesystem"]',
  },
  agents: {
    about: 'Other coding agents, by name, in addition to the known ones. See [Agents](agents.md).',
    field: 'agents',
    defaultValue: () => undefined,
    parse: (value) => (isRecord(value) ? value : undefined),
    expected: 'an object such as {"claude": {"command": "claude-agent-acp"}}',
  },
  agent: {
    about: 'The agent that answers new sessions. See [Agents](agents.md).',
    defaultText: builtinAgent,
    flag: {
      syntax: '--agent <name>',
      help: 'agent that answers new sessions, such as claude or codex; "codebuddy agents" lists them',
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
    about: 'Which tool calls need a permission. See [Permissions](permissions.md).',
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
    about: 'Rules that allow or deny tool calls. See [Permissions](permissions.md).',
    field: 'permissions',
    defaultValue: () => ({ allow: [], deny: [] }),
    parse: permissionRules,
    expected: 'an object such as {"allow": ["bash(npm test)"], "deny": ["write_file(.env*)"]}',
  },
  permissionTimeoutMs: {
    about:
      'How long runs wait for a permission, an answer or the result of a tool of the caller, in milliseconds; `none`: for ever. A prompt may set its own. See [Inbox](inbox.md).',
    flag: {
      syntax: '--permission-timeout-ms <ms>',
      help: 'how long runs wait for a permission or an answer, in milliseconds; none: for ever',
    },
    variable: 'CODEBUDDY_PERMISSION_TIMEOUT_MS',
    field: 'permissionTimeoutMs',
    defaultValue: () => defaultAnswerTimeMs,
    parse: (value) => (value === 'none' || value === null ? 'none' : integer(value, 1000, maxAnswerTimeMs)),
    expected: `a whole number of milliseconds from 1000 to ${maxAnswerTimeMs} (a year), or none`,
  },
  onUnanswered: {
    about:
      'What happens to a permission or a question that nobody answers in time: `deny` it and continue, or `fail` the run.',
    field: 'onUnanswered',
    defaultValue: () => 'deny',
    parse: (value) => unansweredActions.find((action) => action === value),
    expected: oneOf(unansweredActions),
  },
  triggerModes: {
    about:
      'The permission modes of runs that triggers start, by trigger. Others are `read-only`. See [Triggers](triggers.md).',
    field: 'triggerModes',
    defaultValue: () => ({}),
    parse: triggerModes,
    expected: `an object of trigger ids with one of ${permissionModes.join(', ')} such as {"trg_…": "auto-edit"}`,
  },
  protectedPaths: {
    about:
      'More [files that run later](permissions.md#files-that-run-later), in addition to the built-in ones.',
    field: 'protectedPaths',
    defaultValue: () => [],
    parse: (value) =>
      Array.isArray(value) ? list(value, (item) => item !== '' && item.length <= 1000) : undefined,
    expected: 'a list of patterns relative to the workspace, such as ["deploy/**", "*.tf"]',
  },
  costLimits: {
    about:
      'The cost of a run, a session and a day at which runs end, in US dollars. See [Cost](agent.md#cost).',
    defaultText: 'no limits',
    field: 'costLimits',
    defaultValue: () => ({}),
    parse: costLimits,
    expected: 'an object of US dollars such as {"run": 1, "session": 5, "day": 20}',
  },
  costThresholds: {
    about: 'The costs of a session or a day, in US dollars, that cause a `cost.threshold` event.',
    field: 'costThresholds',
    defaultValue: () => [],
    parse: dollarAmounts,
    expected: 'a list of US dollars such as [1, 5, 10]',
  },
  maxActiveRuns: runCount(
    'maxActiveRuns',
    8,
    'Runs that work at the same time, not counting those that wait for a permission.',
    1000,
  ),
  maxWaitingRuns: runCount('maxWaitingRuns', 256, 'Runs that wait for a permission at the same time.'),
  maxWaitingRunsPerKey: runCount(
    'maxWaitingRunsPerKey',
    64,
    'Runs of one API key that wait for a permission.',
  ),
  maxQueuedRuns: runCount('maxQueuedRuns', 256, 'Runs that wait for their turn.'),
  maxQueuedRunsPerKey: runCount('maxQueuedRunsPerKey', 128, 'Runs of one API key that wait for their turn.'),
  maxQueuedRunsPerSession: runCount(
    'maxQueuedRunsPerSession',
    16,
    'Runs of one session that wait for their turn.',
  ),
  contextWindow: {
    about: 'The context window of a model that the price list does not know, in tokens.',
    defaultText: '128 000',
    field: 'contextWindow',
    defaultValue: () => undefined,
    parse: (value) => integer(value, 1000, 100_000_000),
    expected: 'a whole number of tokens from 1000 to 100000000',
  },
  modelSilenceMs: {
    about: 'The time without a byte from a model after which a call fails, in milliseconds.',
    defaultText: '120 000; 600 000 for a model on this machine or in its network',
    field: 'modelSilenceMs',
    defaultValue: () => undefined,
    parse: (value) => integer(value, 1000, 86_400_000),
    expected: 'a whole number of milliseconds from 1000 to 86400000 (one day)',
  },
  sandbox: {
    about: 'Whether commands run in [the sandbox](sandbox.md): always, where it works, or never.',
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
  sandboxNetwork: trueOrFalse(
    'sandboxNetwork',
    false,
    'Whether commands in the sandbox may use the network.',
  ),
  sandboxLimits: {
    about: 'The limits of one command in the sandbox: processes, and MB of memory, of a file and of `/tmp`.',
    field: 'sandboxLimits',
    defaultValue: () => defaultSandboxLimits,
    parse: (value) => sandboxLimits(value, defaultSandboxLimits, maxSandboxLimit),
    expected: `an object of whole numbers from 1 to ${maxSandboxLimit} such as ${JSON.stringify(defaultSandboxLimits)}`,
  },
  sandboxHide: {
    about: 'More paths that commands in the sandbox cannot see.',
    field: 'sandboxHide',
    defaultValue: () => [],
    parse: (value) => list(value, isFixedPath),
    expected: 'a list of absolute paths, or paths such as ~/secrets',
  },
  sandboxShow: {
    about: 'Paths that are hidden by default and that commands in the sandbox may see.',
    field: 'sandboxShow',
    defaultValue: () => [],
    parse: (value) => list(value, isFixedPath),
    expected: 'a list of absolute paths, or paths such as ~/.npmrc',
  },
  watch: trueOrFalse('watch', true, 'Whether changes of files by other programs are reported as events.'),
  database: {
    about: 'The SQLite file, or the PostgreSQL database that [several nodes](scaling.md) share.',
    defaultText: 'api/codebuddy.db in the config folder',
    flag: {
      syntax: '--database <path or url>',
      help: 'SQLite file, or the PostgreSQL database that several nodes share: postgres://user:password@host:5432/database',
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
    about: 'Where other nodes and operators reach this node, for lists of nodes.',
    defaultText: 'its address',
    flag: {
      syntax: '--node-url <url>',
      help: 'where other nodes and operators reach this node; shown in lists of nodes',
    },
    variable: 'CODEBUDDY_NODE_URL',
    field: 'nodeUrl',
    defaultValue: () => undefined,
    parse: httpUrl,
    expected: 'a URL such as http://10.0.0.5:3847',
  },
  logLevel: {
    about: 'Which lines are logged: those of this level and of the later ones.',
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
    about: 'The origins whose web pages may call the API; true for any.',
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
    about: 'More names that the `Host` header may have.',
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
    about: 'How many days events, and the files of prompts, are kept.',
    field: 'retentionDays',
    defaultValue: () => 90,
    parse: (value) => integer(value, 1, 36_500),
    expected: 'a whole number of days from 1 to 36500',
  },
  undoFileMiB: {
    about: 'The largest file that [an undo](files.md#undo) can restore, in MiB.',
    field: 'undoFileMiB',
    defaultValue: () => 4,
    parse: (value) => integer(value, 1, 64),
    expected: 'a whole number of MiB from 1 to 64',
  },
  undoTotalMiB: {
    about:
      'How much the contents of files that are kept for undo may take, in MiB: in the store, and as copies while commands run, for each workspace. The oldest are deleted first.',
    field: 'undoTotalMiB',
    defaultValue: () => 256,
    parse: (value) => integer(value, 1, 65_536),
    expected: 'a whole number of MiB from 1 to 65536',
  },
  maxFileSize: {
    about: 'The size of one [file of a prompt](agent.md#images-and-files) in bytes, at most.',
    field: 'maxFileSize',
    defaultValue: () => 10_485_760,
    parse: (value) => integer(value, 1, 104_857_600),
    expected: 'a whole number of bytes from 1 to 104857600',
  },
  maxStoredFiles: {
    about: 'The size of all kept files of prompts together, in bytes, at most.',
    field: 'maxStoredFiles',
    defaultValue: () => 1_073_741_824,
    parse: (value) => integer(value, 1, Number.MAX_SAFE_INTEGER),
    expected: 'a whole number of bytes',
  },
  autostart: {
    about: 'Whether commands [start a server](cli.md#finding-the-server) if none is running.',
    variable: 'CODEBUDDY_AUTOSTART',
    field: 'autostart',
    defaultValue: () => true,
    parse: (value) =>
      typeof value === 'boolean' ? value : [true, false].find((one) => String(one) === value),
    expected: 'true or false',
  },
  allowedTargets: {
    about:
      'Addresses, CIDRs and names that webhooks may send to, in addition to public addresses. See [Webhooks](webhooks.md).',
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
    about: 'An HTTP proxy for deliveries. See [Webhooks](webhooks.md#through-a-proxy).',
    variable: 'CODEBUDDY_WEBHOOK_PROXY',
    field: 'webhookProxy',
    defaultValue: () => undefined,
    parse: httpProxy,
    expected: 'the URL of an HTTP proxy such as http://proxy.example.org:3128',
  },
  webhookCa: {
    about: 'A PEM file with more certificate authorities for webhooks.',
    variable: 'CODEBUDDY_WEBHOOK_CA',
    field: 'webhookCa',
    defaultValue: () => undefined,
    parse: (value, { cwd }) => path(value, cwd),
    expected: 'the path of a PEM file',
  },
  otlpEndpoint: {
    about:
      'The URL of an OpenTelemetry collector, which gets traces by OTLP over HTTP. See [Tracing](tracing.md).',
    flag: {
      syntax: '--otlp-endpoint <url>',
      help: 'OpenTelemetry collector that gets traces by OTLP over HTTP',
    },
    variable: 'CODEBUDDY_OTLP_ENDPOINT',
    commonVariable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    field: 'otlpEndpoint',
    defaultValue: () => undefined,
    parse: httpUrl,
    expected: 'the URL of a collector, without credentials, such as http://127.0.0.1:4318',
  },
  serviceName: {
    about: 'The `service.name` of exported spans.',
    variable: 'OTEL_SERVICE_NAME',
    field: 'serviceName',
    defaultValue: () => 'codebuddy-api',
    parse: (value) => (typeof value === 'string' && /^[^\p{C}]{1,255}$/u.test(value) ? value : undefined),
    expected: '1 to 255 characters without control characters',
  },
  traceSampler: {
    about: 'Which traces are recorded. See [Tracing](tracing.md#sampling).',
    variable: 'OTEL_TRACES_SAMPLER',
    field: 'traceSampler',
    defaultValue: () => 'parentbased_always_on',
    parse: (value) => traceSamplers.find((name) => name === value),
    expected: oneOf(traceSamplers),
  },
  traceSampleRatio: {
    about: 'The share of traces that the `traceidratio` samplers record.',
    variable: 'OTEL_TRACES_SAMPLER_ARG',
    field: 'traceSampleRatio',
    defaultValue: () => 1,
    parse: ratio,
    expected: 'a number from 0 to 1',
  },
  traceContent: {
    about:
      'Whether spans have the text of prompts, answers and tool calls. See [Tracing](tracing.md#content).',
    variable: 'CODEBUDDY_TRACE_CONTENT',
    field: 'traceContent',
    defaultValue: () => false,
    parse: (value) =>
      typeof value === 'boolean' ? value : [true, false].find((one) => String(one) === value),
    expected: 'true or false',
  },
};

function runCount(field: string, count: number, about: string, most = 10_000): SettingRule<number> {
  return {
    about,
    field,
    defaultValue: () => count,
    parse: (value) => integer(value, 1, most),
    expected: `a whole number from 1 to ${most}`,
  };
}

function trueOrFalse(field: string, preset: boolean, about: string): SettingRule<boolean> {
  return {
    about,
    field,
    defaultValue: () => preset,
    parse: (value) => (typeof value === 'boolean' ? value : undefined),
    expected: 'true or false',
  };
}

function oneOf(words: readonly string[]): string {
  return `one of ${words.join(', ')}`;
}
