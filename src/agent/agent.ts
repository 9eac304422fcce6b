// The agent: sessions, runs, tools and models over one store, one log and one workspace. This file puts the module
// together.
//
// Over 400 lines: it creates every part with its dependencies and options, and does little else.

import { setTimeout as delay } from 'node:timers/promises';
import { passiveTracing } from '../base/passive-tracing.ts';
import { createRedactor, isNumber, type Redactor, secretVariables } from '../base/redaction.ts';
import { createRunFigures } from '../base/run-figures.ts';
import type { Tracing } from '../base/tracing.ts';
import { builtinAgent } from '../contract/agent.ts';
import type { PermissionMode } from '../contract/permission-mode.ts';
import type { SandboxDescription } from '../contract/sandbox.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Ownership } from '../store/ownership.ts';
import type { Store } from '../store/store.ts';
import type { Timers } from './acp/acp-types.ts';
import { parseAgents, requireAgent } from './acp/parse-agents.ts';
import { type Agents, createAgents } from './agents.ts';
import { type McpServerConfig, parseMcpServers, secretsOf } from './mcp/mcp-config.ts';
import { createMcpServers, type McpServers } from './mcp/mcp-servers.ts';
import { privateFolder, warnOfPrograms } from './mcp/server-program.ts';
import { createSessionServers } from './mcp/session-servers.ts';
import { type AgentModels, createAgentModels } from './models/agent-models.ts';
import type { AloneAnswer, AloneRequest } from './models/answer-alone.ts';
import { providerSecrets } from './models/provider-config.ts';
import { type AllPermissions, createAllPermissions, createOwnPermissions } from './nodes/all-permissions.ts';
import { guardLog } from './nodes/guarded-log.ts';
import { proxiesFrom } from './outbound-http.ts';
import { pathsInside } from './paths-inside.ts';
import { createFileDenyRules } from './permissions/file-deny-rules.ts';
import { createFilesThatRunLater } from './permissions/files-that-run-later.ts';
import { allowsWriting } from './permissions/judge-use.ts';
import { parseRule } from './permissions/permission-rule.ts';
import { createPermissions, type Permissions } from './permissions/permissions.ts';
import { ruleWarnings } from './permissions/rule-warnings.ts';
import { createCallMarks } from './processes/call-marks.ts';
import { noteRefusedTool } from './refused-tools.ts';
import { defaultRunLimits, type PromptRates, type RunLimits } from './run-limits.ts';
import type { Runs } from './run-service.ts';
import { createRuns } from './runs.ts';
import { createCommandGuard } from './sandbox-guard/command-guard.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { type CostLimits, createSpending } from './spending.ts';
import { cleanEnvironment } from './tools/clean-environment.ts';
import { createDirectTools, type DirectTools } from './tools/direct-tools.ts';
import { removeLeftovers } from './tools/leftovers.ts';
import { describeSandbox, requireSandbox } from './tools/sandbox/describe-sandbox.ts';
import { createSandbox, type SandboxOptions } from './tools/sandbox.ts';
import { createToolBox } from './tools/tool-box.ts';
import { traceTools } from './tools/traced-tools.ts';
import { openWorkspace } from './tools/workspace.ts';
import { type WorkspaceWatch, watchWorkspace } from './watch-workspace.ts';

export interface AgentOptions {
  readonly store: Store;
  readonly log: EventLog;
  /** Which runs this process owns, if other nodes work on the store. @default all */
  readonly ownership?: Pick<Ownership, 'shared' | 'node' | 'runs' | 'commands' | 'counters'>;
  /** The folder that tools may read and change. */
  readonly workspace: string;
  readonly limits?: Partial<RunLimits>;
  /** @default none */
  readonly promptRates?: PromptRates;
  /**
   * `provider/name` or `offline`, the first choice first.
   * @default the first found in the environment or on loopback
   */
  readonly models?: readonly string[];
  /** Where `models` was set, for error messages. */
  readonly modelsOrigin?: string;
  /** `providers` and `mcpServers` of the configuration, not validated yet. */
  readonly providers?: unknown;
  readonly mcpServers?: unknown;
  /** `agents` of the configuration, not validated yet. */
  readonly agents?: unknown;
  /** The agent of new sessions. @default the built-in one */
  readonly agent?: string;
  /** Where `agent` was set, for error messages. */
  readonly agentOrigin?: string;
  /** @default 'ask' */
  readonly permissionMode?: PermissionMode;
  /** Rules such as `bash(npm test)`. */
  readonly permissions?: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** Patterns of more files that run later, relative to the workspace. @default none */
  readonly protectedPaths?: readonly string[];
  /** A private folder that tools cannot see, for journals that must survive a crash. Undefined: none are kept. */
  readonly stateFolder?: string;
  /** Time limit for the answer to a permission, in ms. @default 600_000 */
  readonly permissionTimeoutMs?: number;
  readonly costLimits?: CostLimits;
  /** US dollars; crossing one is an event. */
  readonly costThresholds?: readonly number[];
  /** The server's own files, as absolute paths: no tool sees them, and they are not watched. @default none */
  readonly ownFiles?: readonly string[];
  /**
   * Files that this program runs or is configured by, as absolute paths: commands cannot change those in the workspace.
   * @default none
   */
  readonly trustedFiles?: readonly string[];
  /** How commands run; `mode` is `auto` by default. Undefined: without a sandbox. */
  readonly sandbox?: AgentSandboxOptions;
  /** Log events for files that anything but a tool changes. @default false */
  readonly watch?: boolean;
  /** The program's version, sent to MCP servers. @default '0' */
  readonly version?: string;
  /** Source of provider keys, and of the few variables that tools pass to programs. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** Abort a model call after this many ms without a byte. @default 120_000; 600_000 for local models */
  readonly modelSilenceMs?: number;
  /** Tokens that a model can read, if the price list does not say. @default 128_000 */
  readonly contextWindow?: number;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
  /** Wait before a model that failed is asked again. Reject if the signal is aborted meanwhile. @default a timer */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The clock of the time limits of foreign agents. @default timers of the system */
  readonly agentTimers?: Timers;
  /** Called for internal errors; details must not reach clients. */
  readonly onFault?: (error: unknown, runId: string) => void;
  /**
   * Redacts the secrets of the process; the agent adds those of its configuration.
   * @default one that redacts those of `environment`
   */
  readonly redactor?: Redactor;
  /** Called with warnings for the operator. */
  readonly warn?: (message: string) => void;
  /** Called with work that may start later, such as watching files. @default it starts at once */
  readonly later?: (work: () => void) => void;
  /** @default no spans */
  readonly tracing?: Tracing;
}

export type AgentSandboxOptions = Pick<SandboxOptions, 'network'> &
  Partial<Pick<SandboxOptions, 'mode' | 'limits' | 'hide' | 'show' | 'probeTimeoutMs'>>;

export interface Agent {
  readonly runs: Runs;
  readonly sessions: Sessions;
  /** For direct calls. They run without permission; deny rules and the mode `read-only` apply. */
  readonly tools: DirectTools;
  readonly permissions: Permissions;
  /** Those of all nodes. */
  readonly allPermissions: AllPermissions;
  readonly models: AgentModels;
  readonly agents: Agents;
  readonly mcp: McpServers;
  /** An answer of the model alone, which counts for the cost limits. @throws CodeBuddyError `cost_limit_reached` */
  answerAlone(request: AloneRequest): Promise<AloneAnswer | undefined>;
  describe(): { readonly agent: string; readonly model: string | null };
  /** How commands run. Waits up to 2 s for the first probe. */
  describeSandbox(): Promise<SandboxDescription>;
  /** Accepts no more prompts, waits up to `graceMs` for unfinished runs, then interrupts them. */
  close(graceMs: number): Promise<void>;
}

/** A slow probe of the sandbox delays an API response by at most this. */
const describeWaitMs = 2000;

/**
 * Opens the workspace and marks runs that a crash left unfinished as interrupted.
 * @throws Error with the invalid option, or with the reason why a required sandbox does not work
 */
export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { store, log, now = Date.now, environment = process.env } = options;
  const node = options.ownership?.shared ? options.ownership : undefined;
  const runLog = node === undefined ? log : guardLog(log, (runId) => runs.isLost(runId));
  const sleep = options.sleep ?? ((ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }));
  const { onFault = () => undefined, warn = () => undefined, permissionMode = 'ask' } = options;
  const redactor = options.redactor ?? createRedactor(secretVariables(environment));
  const { ownFiles = [], watch = false, tracing = passiveTracing } = options;
  const clean = cleanEnvironment(environment);
  const allow = (options.permissions?.allow ?? []).map(parseRule);
  const deny = (options.permissions?.deny ?? []).map(parseRule);
  const learn = (value: string): void => {
    if (!isNumber(value)) redactor.learn([value]);
  };
  const servers = parseMcpServers(options.mcpServers ?? {}, environment, learn);
  redactor.learn(providerSecrets(options.providers, environment));
  for (const server of servers) redactor.learn(secretsOf(server).filter((value) => !isNumber(value)));
  for (const warning of ruleWarnings({
    allow: options.permissions?.allow ?? [],
    deny: options.permissions?.deny ?? [],
    servers: servers.map(({ name }) => name),
    workspace: options.workspace,
  }))
    warn(warning);
  const configuredAgents = parseAgents(options.agents, environment, learn);
  if (options.agent !== undefined)
    requireAgent(options.agent, configuredAgents, options.agentOrigin ?? 'the host');
  for (const { env } of configuredAgents) redactor.learn(secretVariables(env));
  const proxies = proxiesFrom(environment);
  const workspace = await openWorkspace(options.workspace, ownFiles, {
    denyRules: createFileDenyRules(deny),
    environment,
  });
  const serverFolder = privateFolder(servers.length === 0 ? undefined : options.stateFolder, workspace.root);
  warnOfPrograms(servers, { environment: clean, cwd: serverFolder, workspace: workspace.root }, warn);
  const marks = createCallMarks({ stateFolder: options.stateFolder });
  const sandbox = createSandbox({
    mode: options.sandbox === undefined ? 'off' : 'auto',
    network: false,
    ...options.sandbox,
    workspace: workspace.root,
    environment: clean,
    serverEnvironment: environment,
    hidden: ownFiles,
    marks,
    now,
  });
  if (sandbox.mode === 'required') await requireSandbox(sandbox);
  const leftBehind = await marks.recover();
  if (leftBehind > 0) warn(`${leftBehind} processes left running by an earlier server were ended`);
  const openServers = (configs: readonly McpServerConfig[], cwd: string): McpServers =>
    createMcpServers({
      marks,
      servers: configs,
      redactor,
      environment: clean,
      proxies,
      cwd,
      workspace: workspace.root,
      clientVersion: options.version ?? '0',
      onTrouble: (server, message) => warn(`MCP server ${server}: ${message}`),
    });
  const mcp = openServers(servers, serverFolder);
  const sessionServers = createSessionServers({
    common: mcp,
    open: (configs) => openServers(configs, privateFolder(options.stateFolder, workspace.root)),
    learn: (secrets) => redactor.learn(secrets.filter((value) => !isNumber(value))),
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
      `removed ${path}: a command that a crash interrupted had created it, and ${runBy} would run it later`,
    );
  const plainTools = createToolBox({
    workspace,
    log: runLog,
    environment: clean,
    external: sessionServers,
    marks,
    runLater,
    commandGuard,
    ...(watch ? { holdFile: (path) => watching?.hold(path) ?? (() => undefined) } : {}),
    sandbox,
  });
  const toolBox = traceTools(plainTools, tracing);
  const permissions = createPermissions({
    log: runLog,
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
    sleep,
    warn,
    redact: redactor.redact,
    tracing,
    onRefusedTool(refused) {
      if (options.stateFolder === undefined) return;
      try {
        noteRefusedTool(options.stateFolder, { ...refused, at: new Date(now()).toISOString() });
      } catch (error) {
        warn(`the refused tool ${refused.tool} could not be recorded for doctor: ${String(error)}`);
      }
    },
    ...(options.modelSilenceMs === undefined ? {} : { silenceMs: options.modelSilenceMs }),
    ...(options.contextWindow === undefined ? {} : { contextWindow: options.contextWindow }),
  });
  const spending = createSpending({
    store,
    limits: options.costLimits ?? {},
    thresholds: options.costThresholds ?? [],
    now,
    counters: node?.counters,
  });
  const figures = createRunFigures();
  const agents = createAgents({
    configured: configuredAgents,
    defaultName: options.agent,
    models,
    surroundings: {
      serverEnvironment: environment,
      environment: clean,
      cwd: workspace.root,
      workspace: workspace.root,
    },
    async open() {
      const { createAcpAgents } = await import('./acp/acp-agents.ts');
      return createAcpAgents({
        agents: configuredAgents,
        workspace: workspace.root,
        mcpServers: servers,
        environment: clean,
        serverEnvironment: environment,
        cwd: workspace.root,
        mcpCwd: serverFolder,
        marks,
        redactor,
        version: options.version ?? '0',
        hasDenyRules: deny.length > 0,
        warn,
        ...(options.agentTimers === undefined ? {} : { timers: options.agentTimers }),
      });
    },
  });
  const agentFault = agents.defaultFault();
  if (agentFault !== undefined) warn(agentFault);
  const runs = createRuns({
    store,
    log: runLog,
    tools: toolBox,
    permissions,
    spending,
    figures,
    chooseDriver: agents.chooseDriver,
    agentForNew: (name) => agents.forNewSession(name, 'options/agent'),
    limits: { ...defaultRunLimits, ...options.limits },
    promptRates: options.promptRates,
    defaultMode: permissionMode,
    now,
    onFault,
    node,
    tracing,
  });
  const allPermissions: AllPermissions =
    node === undefined || store.questions === undefined
      ? createOwnPermissions(permissions)
      : createAllPermissions({ node, questions: store.questions, log, own: permissions });
  await runs.recover();
  const closing = new AbortController();
  // In the background: a large workspace must not delay the start.
  let cleaning: Promise<unknown> | undefined;
  const startBackground = (): void => {
    if (closing.signal.aborted) return;
    cleaning = removeLeftovers({ root: workspace.root, signal: closing.signal }).catch((error: unknown) =>
      warn(`cannot look for temporary files of an earlier process: ${String(error)}`),
    );
    if (watch) watching = watchWorkspace({ root: workspace.root, except: ownFiles, environment, log, warn });
  };
  // Last: an agent that fails to open must leave nothing running.
  if (options.later === undefined) startBackground();
  else options.later(startBackground);
  return {
    runs,
    sessions: createSessions({
      store,
      log,
      now,
      agents,
      mcpServers: sessionServers,
      isBusy: runs.isSessionBusy,
      isShared: node !== undefined,
    }),
    tools: createDirectTools(toolBox, { permissions, mode: permissionMode }),
    permissions,
    allPermissions,
    models,
    agents,
    mcp,
    async answerAlone(request) {
      await spending.requireRoom(0);
      const answer = await models.answerAlone(request);
      if (answer === undefined) return undefined;
      const { model, usage, cost } = answer;
      figures.spent(model, usage, cost);
      const events = await spending.bookAlone(cost ?? 0);
      if (events.length > 0) await log.append(events);
      return answer;
    },
    describe: () =>
      agents.defaultName === builtinAgent ? models.describe() : { agent: agents.defaultName, model: null },
    async describeSandbox() {
      // A later result is kept and shown the next time.
      const looking = sandbox.look();
      const state = await Promise.race([looking, delay(describeWaitMs, undefined, { ref: false })]);
      return describeSandbox(sandbox, state ?? sandbox.lastState);
    },
    async close(graceMs) {
      await runs.close(graceMs);
      allPermissions.close?.();
      closing.abort();
      await Promise.all([
        mcp.close(),
        sessionServers.close(),
        agents.close(),
        models.close(),
        watching?.close(),
        cleaning,
        sandbox.settled(),
      ]);
    },
  };
}
