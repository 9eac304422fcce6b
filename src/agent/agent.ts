// The agent: sessions, runs, tools and models over one store, one log and one workspace. This file puts the module
// together.

import { setTimeout as delay } from 'node:timers/promises';
import { passiveTracing } from '../base/passive-tracing.ts';
import { createRedactor, isNumber, secretVariables } from '../base/redaction.ts';
import { createRunFigures } from '../base/run-figures.ts';
import { builtinAgent } from '../contract/agent-names.ts';
import { defaultAnswerTimeMs } from '../contract/answer-time.ts';
import type { SandboxDescription } from '../contract/sandbox.ts';
import type { Workspaces } from '../contract/workspace.ts';
import { parseAgents, requireAgent } from './acp/parse-agents.ts';
import { type AgentFiles, createAgentFiles } from './agent-files.ts';
import type { AgentOptions } from './agent-options.ts';
import { type Agents, createAgents } from './agents.ts';
import { type CompactSession, createCompactSession } from './compact-session.ts';
import { createUndos } from './file-history/undo.ts';
import { createFiles, type Files } from './files/files.ts';
import { createPromptParts } from './files/prompt-parts.ts';
import { createWaitingRoom } from './inbox/waiting-room.ts';
import { parseMcpServers, secretsOf } from './mcp/mcp-config.ts';
import type { McpServers } from './mcp/mcp-servers.ts';
import { openMcp } from './mcp/open-mcp.ts';
import type { RuntimeServers } from './mcp/runtime-servers.ts';
import { type AgentModels, createAgentModels } from './models/agent-models.ts';
import type { AloneAnswer, AloneRequest } from './models/answer-alone.ts';
import { providerSecrets } from './models/provider-config.ts';
import { type AllPermissions, createAllPermissions } from './nodes/all-permissions.ts';
import { guardLog } from './nodes/guarded-log.ts';
import { createInbox, type Inbox } from './nodes/inbox.ts';
import { createLoneWork } from './nodes/lone-work.ts';
import { createRetries } from './nodes/retries.ts';
import { proxiesFrom } from './outbound-http.ts';
import { createFilesThatRunLater } from './permissions/files-that-run-later.ts';
import { parseRule } from './permissions/permission-rule.ts';
import { createPermissions, type Permissions } from './permissions/permissions.ts';
import { ruleWarnings } from './permissions/rule-warnings.ts';
import { createCallMarks } from './processes/call-marks.ts';
import { noteRefusedTool } from './refused-tools.ts';
import { defaultRunLimits } from './run-limits.ts';
import type { Runs } from './run-service.ts';
import { createRuns } from './runs.ts';
import { sessionNotFound } from './session-record.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSpending } from './spending.ts';
import { cleanEnvironment } from './tools/clean-environment.ts';
import { createDirectTools, type DirectTools } from './tools/direct-tools.ts';
import { describeSandbox, requireSandbox } from './tools/sandbox/describe-sandbox.ts';
import { traceTools } from './tools/traced-tools.ts';
import { createGit } from './workspaces/git.ts';
import { createWorkspaceList } from './workspaces/list-workspaces.ts';
import { openSpace, openSpaceFolder, type SpaceOptions } from './workspaces/open-space.ts';
import { createPlaces } from './workspaces/places.ts';
import { createSessionTools } from './workspaces/session-tools.ts';
import { createSpaces } from './workspaces/spaces.ts';
import { createWorktrees } from './workspaces/worktrees.ts';

export interface Agent {
  /** The files of the workspace, and what sessions have changed in it. */
  readonly files: AgentFiles;
  readonly runs: Runs;
  readonly sessions: Sessions & { readonly compact: CompactSession };
  /** For direct calls. They run without permission; deny rules and the mode `read-only` apply. */
  readonly tools: DirectTools;
  readonly permissions: Permissions;
  /** Those of all nodes. */
  readonly allPermissions: AllPermissions;
  /** The images and files of prompts. */
  readonly uploads: Files;
  /** What the runs of all nodes wait for. */
  readonly inbox: Inbox;
  readonly models: AgentModels;
  readonly agents: Agents;
  readonly mcp: McpServers;
  /** Those of the configuration, and those that were added while the server runs. */
  readonly mcpServers: RuntimeServers;
  /** An answer of the model alone, which counts for the cost limits. @throws CodeBuddyError `cost_limit_reached` */
  answerAlone(request: AloneRequest): Promise<AloneAnswer | undefined>;
  /** The folders that sessions may work in, and those that they work in. */
  workspaces(): Promise<Workspaces>;
  describe(): { readonly agent: string; readonly model: string | null };
  /** How commands run. Waits up to 2 s for the first probe. */
  describeSandbox(): Promise<SandboxDescription>;
  /** Accepts no more prompts, waits up to `graceMs` for unfinished runs, then interrupts them. */
  close(graceMs: number): Promise<void>;
}

const defaultUndoFileBytes = 4 * 1024 * 1024;
const defaultUndoTotalBytes = 256 * 1024 * 1024;

const defaultFileLimits = { maxFileSize: 10_485_760, maxStoredFiles: 1_073_741_824, keepDays: 90 };

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
  const learnSecrets = (values: readonly string[]): void =>
    redactor.learn(values.filter((value) => !isNumber(value)));
  const learn = (value: string): void => learnSecrets([value]);
  const servers = parseMcpServers(options.mcpServers ?? {}, environment, learn);
  redactor.learn(providerSecrets(options.providers, environment));
  for (const server of servers) learnSecrets(secretsOf(server));
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
  const workspace = await openSpaceFolder({ ownFiles, deny, environment }, options.workspace);
  const marks = createCallMarks({ stateFolder: options.stateFolder });
  const { mcp, sessionServers, mcpServers, folder } = await openMcp({
    store,
    log,
    servers,
    programs: options.mcpPrograms ?? [],
    marks,
    redactor,
    learn: learnSecrets,
    environment: clean,
    proxies,
    workspace: workspace.root,
    stateFolder: options.stateFolder,
    clientVersion: options.version ?? '0',
    now,
    warn,
  });
  const runLater = createFilesThatRunLater(options.protectedPaths);
  const closing = new AbortController();
  const spaceOptions: SpaceOptions = {
    store,
    undoFileBytes: options.undoFileBytes ?? defaultUndoFileBytes,
    undoTotalBytes: options.undoTotalBytes ?? defaultUndoTotalBytes,
    log: runLog,
    fileLog: log,
    environment,
    cleanEnvironment: clean,
    ownFiles,
    trustedFiles: options.trustedFiles ?? [],
    stateFolder: options.stateFolder,
    allow,
    deny,
    runLater,
    marks,
    sandbox: options.sandbox,
    external: sessionServers,
    now,
    watch,
    warn,
  };
  const mainSpace = await openSpace(spaceOptions, workspace, {
    async beforeTools(ready) {
      if (ready.mode === 'required') await requireSandbox(ready);
      const leftBehind = await marks.recover();
      if (leftBehind > 0) warn(`${leftBehind} processes left running by an earlier server were ended`);
    },
  });
  const { sandbox } = mainSpace;
  const { worktreeFolder } = options;
  const places = createPlaces({
    main: workspace.root,
    roots: options.workspaceRoots ?? [],
    hidden: ownFiles,
    runLater,
  });
  const git = createGit({ environment: clean, untrusted: [workspace.root] });
  const worktrees = worktreeFolder === undefined ? undefined : createWorktrees(git, worktreeFolder);
  const spaces = createSpaces({ store, main: mainSpace, spaceOptions, places, worktrees, worktreeFolder });
  const toolBox = traceTools(createSessionTools(mainSpace.toolBox, spaces), tracing);
  const room = createWaitingRoom({ log: runLog, now });
  const permissions = createPermissions({ room, now, runLater, allow, deny });
  const { permissionTimeoutMs = defaultAnswerTimeMs, onUnanswered = 'deny' } = options;
  const models = createAgentModels({
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
    ...(options.modelProbeTimeoutMs === undefined ? {} : { probeTimeoutMs: options.modelProbeTimeoutMs }),
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
        mcpServers: mcp.configs,
        environment: clean,
        serverEnvironment: environment,
        cwd: workspace.root,
        mcpCwd: folder,
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
  const requireSession = async (id: string): Promise<void> => {
    if ((await store.getSession(id)) === undefined) throw sessionNotFound(id);
  };
  const retries = node && createRetries(node.node, (error) => onFault(error, 'of this node'));
  const loneWork = createLoneWork({ shared: node && retries && { node, retries } });
  const undos = createUndos({
    loneWork,
    store,
    log: runLog,
    mode: permissionMode,
    now,
    isBusy: (sessionId) => runs.isSessionBusy(sessionId),
    restorerOf: spaces.spaceOf,
  });
  const files = createFiles({ store, now, ...defaultFileLimits, ...options.files });
  const runs = createRuns({
    requireNoUndo: undos.requireNone,
    files,
    promptParts: createPromptParts(files),
    store,
    log: runLog,
    tools: toolBox,
    permissions,
    room,
    answerTime: { answerWithinMs: permissionTimeoutMs, onUnanswered },
    spending,
    figures,
    chooseDriver: agents.chooseDriver,
    spaces,
    agentForNew: (name) => agents.forNewSession(name, 'options/agent'),
    limits: { ...defaultRunLimits, ...options.limits },
    promptRates: options.promptRates,
    defaultMode: permissionMode,
    now,
    onFault,
    node,
    retries,
    tracing,
  });
  const inbox = createInbox({
    node,
    questions: store.questions,
    log,
    room,
    adopt: (runId) => runs.adopt(runId),
  });
  const allPermissions = createAllPermissions(inbox, permissions);
  await runs.recover();
  // In the background: a large workspace must not delay the start.
  const startBackground = (): void => mainSpace.startBackground();
  // Last: an agent that fails to open must leave nothing running.
  if (options.later === undefined) startBackground();
  else options.later(startBackground);
  return {
    runs,
    sessions: {
      ...createSessions({
        store,
        log,
        now,
        agents,
        mcpServers: sessionServers,
        workspace: workspace.root,
        spaces,
        worktrees,
        isBusy: runs.isSessionBusy,
        isShared: node !== undefined,
      }),
      compact: createCompactSession({
        store,
        log,
        now,
        models,
        spending,
        figures,
        whileIdle: runs.whileIdle,
        loneWork,
        signal: closing.signal,
      }),
    },
    files: createAgentFiles({ store, spaces, undos, requireSession }),
    tools: createDirectTools(toolBox, { permissions, mode: permissionMode, requireSession }),
    permissions,
    allPermissions,
    uploads: files,
    inbox,
    models,
    agents,
    mcp,
    mcpServers,
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
    workspaces: createWorkspaceList({ store, main: workspace.root, places, spaces, git: worktrees }),
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
      inbox.close();
      closing.abort();
      await Promise.all([
        mcp.close(),
        sessionServers.close(),
        agents.close(),
        models.close(),
        mainSpace.close(),
        spaces.close(),
      ]);
    },
  };
}
