// The agent: sessions, runs, tools and models over one store, one log and one workspace. This file puts the room together.

import type { EventLog } from '../events/event-log.ts';
import type { Store } from '../store/store.ts';
import { parseMcpServers } from './mcp/mcp-config.ts';
import { createMcpServers, type McpServers } from './mcp/mcp-servers.ts';
import { type AgentModels, createAgentModels, makeLoader } from './models/agent-models.ts';
import { proxiesFrom } from './outbound-http.ts';
import { parseRule } from './permissions/permission-rule.ts';
import { createPermissions, type Permissions } from './permissions/permissions.ts';
import { createRuns, defaultRunLimits, type RunLimits, type Runs } from './runs.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { type CostLimits, createSpending } from './spending.ts';
import { cleanEnvironment } from './tools/clean-environment.ts';
import { createSandbox, type Sandbox } from './tools/sandbox.ts';
import { createToolBox, type ToolBox } from './tools/tool-box.ts';
import { openWorkspace } from './tools/workspace.ts';
import type { PermissionMode } from './types.ts';
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
  /** How long a person has to answer, in ms. @default 10 minutes */
  readonly permissionTimeoutMs?: number;
  readonly costLimits?: CostLimits;
  /** US dollars. */
  readonly costThresholds?: readonly number[];
  /** What the server keeps for itself, as absolute paths: no tool sees it, and it is not watched. @default none */
  readonly ownFiles?: readonly string[];
  /** Commands run in bubblewrap where it works. Undefined: they do not. */
  readonly sandbox?: { readonly network: boolean };
  /** Are changes of files by others than the tools told? @default false */
  readonly watch?: boolean;
  /** Of the whole program, as MCP servers are told. @default '0' */
  readonly version?: string;
  /** Keys of providers, and where programs started by tools take their few variables from. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Without a byte from a model for this long, its call is given up. @default 2 minutes */
  readonly modelSilenceMs?: number;
  /** Tokens that a model can read, where the price list does not know it. @default 128 000 */
  readonly contextWindow?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Hears of faults that are ours, with what clients must not see. */
  readonly onFault?: (error: unknown, runId: string) => void;
  /** Hears what a person should know. */
  readonly warn?: (message: string) => void;
}

export interface Agent {
  readonly runs: Runs;
  readonly sessions: Sessions;
  readonly tools: ToolBox;
  readonly permissions: Permissions;
  readonly models: AgentModels;
  readonly mcp: McpServers;
  readonly sandbox: Sandbox | undefined;
  describe(): { readonly agent: string; readonly model: string | null };
  /** Takes no more prompts; unfinished runs have `graceMs` to end, then they are interrupted. */
  close(graceMs: number): Promise<void>;
}

/** Looks whether the options make sense, without doing anything. @throws Error that names what does not */
export function checkAgentOptions(
  options: Pick<AgentOptions, 'models' | 'modelsOrigin' | 'providers' | 'mcpServers' | 'permissions'>,
  environment: NodeJS.ProcessEnv,
): void {
  parseMcpServers(options.mcpServers ?? {}, environment);
  for (const rule of [...(options.permissions?.allow ?? []), ...(options.permissions?.deny ?? [])])
    parseRule(rule);
  proxiesFrom(environment);
  const { models, modelsOrigin = 'the host', providers } = options;
  makeLoader({ configured: models, origin: modelsOrigin, providers, environment });
}

/** Opens the workspace and marks runs that a crash cut off as interrupted. @throws Error that names what makes no sense in the options */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { store, log, now = Date.now, environment = process.env } = options;
  const { onFault = () => undefined, warn = () => undefined, permissionMode = 'ask' } = options;
  const { ownFiles = [], watch = false } = options;
  const clean = cleanEnvironment(environment);
  const proxies = proxiesFrom(environment);
  const workspace = await openWorkspace(options.workspace, ownFiles);
  const mcp = createMcpServers({
    servers: parseMcpServers(options.mcpServers ?? {}, environment),
    environment: clean,
    proxies,
    cwd: workspace.root,
    clientVersion: options.version ?? '0',
    onTrouble: (server, message) => warn(`MCP server ${server}: ${message}`),
  });
  let watching: WorkspaceWatch | undefined;
  const sandbox =
    options.sandbox === undefined
      ? undefined
      : createSandbox({
          workspace: workspace.root,
          environment: clean,
          hidden: ownFiles,
          ...options.sandbox,
        });
  const tools = createToolBox({
    workspace,
    log,
    environment: clean,
    external: mcp,
    onFileChange: (path) => watching?.note(path),
    ...(sandbox === undefined ? {} : { sandbox }),
  });
  const permissions = createPermissions({
    log,
    now,
    allow: (options.permissions?.allow ?? []).map(parseRule),
    deny: (options.permissions?.deny ?? []).map(parseRule),
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
    ...(options.modelSilenceMs === undefined ? {} : { silenceMs: options.modelSilenceMs }),
    ...(options.contextWindow === undefined ? {} : { contextWindow: options.contextWindow }),
  });
  const runs = createRuns({
    store,
    log,
    tools,
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
  // Last: if the agent cannot be opened, nothing is left running.
  if (watch) watching = watchWorkspace({ root: workspace.root, except: ownFiles, log, warn });
  return {
    runs,
    sessions: createSessions({ store, log, now, isBusy: runs.isSessionBusy }),
    tools,
    permissions,
    models,
    mcp,
    sandbox,
    describe: models.describe,
    async close(graceMs) {
      await runs.close(graceMs);
      await Promise.all([mcp.close(), models.close(), watching?.close()]);
    },
  };
}
