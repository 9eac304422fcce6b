// The agent: sessions, runs, tools and models over one store, one log and one workspace. This file puts the room together.

import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRedactor, isNumber, type Redactor, secretVariables } from '../base/redaction.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { SandboxDescription } from '../contract/sandbox.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Store } from '../store/store.ts';
import { parseMcpServers, secretsOf } from './mcp/mcp-config.ts';
import { createMcpServers, type McpServers } from './mcp/mcp-servers.ts';
import { privateFolder, warnOfPrograms } from './mcp/server-program.ts';
import { type AgentModels, createAgentModels } from './models/agent-models.ts';
import { providerSecrets } from './models/provider-config.ts';
import { proxiesFrom } from './outbound-http.ts';
import { createFileDenyRules } from './permissions/file-deny-rules.ts';
import { createFilesThatRunLater } from './permissions/files-that-run-later.ts';
import { allowsWriting } from './permissions/judge-use.ts';
import { parseRule } from './permissions/permission-rule.ts';
import { createPermissions, type Permissions } from './permissions/permissions.ts';
import { ruleWarnings } from './permissions/rule-warnings.ts';
import { createCallMarks } from './processes/call-marks.ts';
import { noteRefusedTool } from './refused-tools.ts';
import { createRuns, defaultRunLimits, type RunLimits, type Runs } from './runs.ts';
import { createCommandGuard } from './sandbox-guard/command-guard.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { type CostLimits, createSpending } from './spending.ts';
import { cleanEnvironment } from './tools/clean-environment.ts';
import { createDirectTools } from './tools/direct-tools.ts';
import { removeLeftovers } from './tools/leftovers.ts';
import { describeSandbox } from './tools/sandbox/describe-sandbox.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from './tools/sandbox.ts';
import { createToolBox, type ToolBox } from './tools/tool-box.ts';
import { openWorkspace } from './tools/workspace.ts';
import { type WorkspaceWatch, watchWorkspace } from './watch-workspace.ts';

export interface AgentOptions {
  readonly store: Store;
  readonly log: EventLog;
  /** The folder that tools may see and change. */
  readonly workspace: string;
  readonly limits?: Partial<RunLimits>;
  /** `provider/name` or `offline`, the first choice first. @default looked for in the environment, and on loopback */
  readonly models?: readonly string[];
  /** Where `models` came from, in words. */
  readonly modelsOrigin?: string;
  /** `providers` and `mcpServers` of the configuration, unchecked. */
  readonly providers?: unknown;
  readonly mcpServers?: unknown;
  /** @default 'ask' */
  readonly permissionMode?: PermissionMode;
  /** Rules as `bash(npm test)`. */
  readonly permissions?: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** Patterns of further files that run later, relative to the workspace. @default none */
  readonly protectedPaths?: readonly string[];
  /** A private folder for what must outlive a crash, outside what tools can see. Undefined: nothing is kept. */
  readonly stateFolder?: string;
  /** How long a person has to answer, in ms. @default 10 minutes */
  readonly permissionTimeoutMs?: number;
  readonly costLimits?: CostLimits;
  /** US dollars. */
  readonly costThresholds?: readonly number[];
  /** What the server keeps for itself, as absolute paths: no tool sees it, and it is not watched. @default none */
  readonly ownFiles?: readonly string[];
  /** What this program, or its next start, runs or obeys, as absolute paths: no command changes it, where it is in the workspace. @default none */
  readonly trustedFiles?: readonly string[];
  /** How commands run; `mode` is `auto` by default. Undefined: without a sandbox. */
  readonly sandbox?: AgentSandboxOptions;
  /** Are changes of files by others than the tools told? @default false */
  readonly watch?: boolean;
  /** Of the whole program, as MCP servers are told. @default '0' */
  readonly version?: string;
  /** Keys of providers, and where programs started by tools take their few variables from. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Without a byte from a model for this long, its call is given up. @default 2 minutes, and 10 for local models */
  readonly modelSilenceMs?: number;
  /** Tokens that a model can read, where the price list does not know it. @default 128 000 */
  readonly contextWindow?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Hears of faults that are ours, with what clients must not see. */
  readonly onFault?: (error: unknown, runId: string) => void;
  /** Knows the secrets of the process, and learns those of the agent's configuration. @default one that knows the environment's */
  readonly redactor?: Redactor;
  /** Hears what a person should know. */
  readonly warn?: (message: string) => void;
}

export type AgentSandboxOptions = Pick<SandboxOptions, 'network'> &
  Partial<Pick<SandboxOptions, 'mode' | 'limits' | 'hide' | 'show' | 'probeTimeoutMs'>>;

export interface Agent {
  readonly runs: Runs;
  readonly sessions: Sessions;
  /** For direct calls: deny rules and the mode `read-only` hold, nobody is asked. */
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly models: AgentModels;
  readonly mcp: McpServers;
  describe(): { readonly agent: string; readonly model: string | null };
  /** How commands run. Waits a moment for the first answer, not longer. */
  describeSandbox(): Promise<SandboxDescription>;
  /** Takes no more prompts; unfinished runs have `graceMs` to end, then they are interrupted. */
  close(graceMs: number): Promise<void>;
}

/** A slow look at the sandbox holds up no answer of the API longer than this. */
const describeWaitMs = 2000;

/**
 * Opens the workspace and marks runs that a crash cut off as interrupted.
 * @throws Error that names what makes no sense in the options, or why the sandbox does not work if one is required
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { store, log, now = Date.now, environment = process.env } = options;
  const { onFault = () => undefined, warn = () => undefined, permissionMode = 'ask' } = options;
  const redactor = options.redactor ?? createRedactor(secretVariables(environment));
  const { ownFiles = [], watch = false } = options;
  const clean = cleanEnvironment(environment);
  const allow = (options.permissions?.allow ?? []).map(parseRule);
  const deny = (options.permissions?.deny ?? []).map(parseRule);
  const servers = parseMcpServers(options.mcpServers ?? {}, environment, (value) => {
    if (!isNumber(value)) redactor.learn([value]);
  });
  redactor.learn(providerSecrets(options.providers, environment));
  for (const server of servers) redactor.learn(secretsOf(server).filter((value) => !isNumber(value)));
  for (const warning of ruleWarnings({
    allow: options.permissions?.allow ?? [],
    deny: options.permissions?.deny ?? [],
    servers: servers.map(({ name }) => name),
    workspace: options.workspace,
  }))
    warn(warning);
  const proxies = proxiesFrom(environment);
  const workspace = await openWorkspace(options.workspace, ownFiles, {
    denyRules: createFileDenyRules(deny),
    environment,
  });
  const serverFolder = privateFolder(servers.length === 0 ? undefined : options.stateFolder, workspace.root);
  warnOfPrograms(servers, { environment: clean, cwd: serverFolder, workspace: workspace.root }, warn);
  const sandbox = createSandbox({
    mode: options.sandbox === undefined ? 'off' : 'auto',
    network: false,
    ...options.sandbox,
    workspace: workspace.root,
    environment: clean,
    serverEnvironment: environment,
    hidden: ownFiles,
    now,
  });
  if (sandbox.mode === 'required') await requireSandbox(sandbox);
  const marks = createCallMarks({ stateFolder: options.stateFolder });
  const leftBehind = await marks.recover();
  if (leftBehind > 0)
    warn(`${leftBehind} processes that an earlier server had started were left running; they were ended`);
  const mcp = createMcpServers({
    marks,
    servers,
    redactor,
    environment: clean,
    proxies,
    cwd: serverFolder,
    workspace: workspace.root,
    clientVersion: options.version ?? '0',
    onTrouble: (server, message) => warn(`MCP server ${server}: ${message}`),
  });
  let watching: WorkspaceWatch | undefined;
  const runLater = createFilesThatRunLater(options.protectedPaths);
  const commandGuard = createCommandGuard({
    root: workspace.root,
    list: runLater,
    isAllowed: (path) => allow.some((rule) => allowsWriting(rule, path, runLater)),
    ownFiles: pathsInside(workspace.root, options.trustedFiles ?? []),
    stateFolder: options.stateFolder,
  });
  for (const { path, runBy } of await commandGuard.recover())
    warn(
      `a command that a crash cut off had made ${path}, which is run later by ${runBy}; it was taken away`,
    );
  const toolBox = createToolBox({
    workspace,
    log,
    environment: clean,
    external: mcp,
    marks,
    runLater,
    commandGuard,
    ...(watch ? { holdFile: (path) => watching?.hold(path) ?? (() => undefined) } : {}),
    sandbox,
  });
  const permissions = createPermissions({
    log,
    now,
    runLater,
    allow,
    deny,
    ...(options.permissionTimeoutMs === undefined ? {} : { answerWithinMs: options.permissionTimeoutMs }),
  });
  const models = createAgentModels({
    workspace,
    configured: options.models,
    origin: options.modelsOrigin ?? 'the host',
    providers: options.providers,
    environment,
    proxies,
    now,
    warn,
    redact: redactor.redact,
    onRefusedTool(refused) {
      if (options.stateFolder === undefined) return;
      try {
        noteRefusedTool(options.stateFolder, { ...refused, at: new Date(now()).toISOString() });
      } catch (error) {
        warn(`doctor will not tell of the tool ${refused.tool}: ${String(error)}`);
      }
    },
    ...(options.modelSilenceMs === undefined ? {} : { silenceMs: options.modelSilenceMs }),
    ...(options.contextWindow === undefined ? {} : { contextWindow: options.contextWindow }),
  });
  const runs = createRuns({
    store,
    log,
    tools: toolBox,
    permissions,
    spending: createSpending({
      store,
      limits: options.costLimits ?? {},
      thresholds: options.costThresholds ?? [],
      now,
    }),
    chooseDriver: models.chooseDriver,
    limits: { ...defaultRunLimits, ...options.limits },
    defaultMode: permissionMode,
    now,
    onFault,
  });
  await runs.recover();
  const closing = new AbortController();
  // In the background: a large workspace must not hold up the start.
  const cleaning = removeLeftovers({ root: workspace.root, signal: closing.signal }).catch((error: unknown) =>
    warn(`temporary files of an earlier process could not be looked for: ${String(error)}`),
  );
  // Last: if the agent cannot be opened, nothing is left running.
  if (watch) watching = watchWorkspace({ root: workspace.root, except: ownFiles, environment, log, warn });
  return {
    runs,
    sessions: createSessions({ store, log, now, isBusy: runs.isSessionBusy }),
    tools: createDirectTools(toolBox, { permissions, mode: permissionMode }),
    permissions,
    models,
    mcp,
    describe: models.describe,
    async describeSandbox() {
      // An answer that comes later is kept and shown the next time.
      const looking = sandbox.look();
      const state = await Promise.race([looking, delay(describeWaitMs, undefined, { ref: false })]);
      return describeSandbox(sandbox, state ?? sandbox.lastState);
    },
    async close(graceMs) {
      await runs.close(graceMs);
      closing.abort();
      await Promise.all([mcp.close(), models.close(), watching?.close(), cleaning]);
    },
  };
}

/** Those that are in the folder, relative to it. */
function pathsInside(root: string, paths: readonly string[]): readonly string[] {
  return paths
    .map((path) => relative(root, realOf(path)).split(sep).join('/'))
    .filter((path) => path !== '' && path !== '..' && !path.startsWith('../') && !isAbsolute(path));
}

/** Also of what is not there yet. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realOf(folder), basename(path));
  }
}

/** @throws Error in words if the sandbox does not work */
async function requireSandbox(sandbox: Sandbox): Promise<void> {
  try {
    await sandbox.isolation();
  } catch (cause) {
    const { detail } = describeSandbox(sandbox, sandbox.lastState);
    throw new Error(`the setting sandbox is "required", but ${detail}`, { cause });
  }
}
