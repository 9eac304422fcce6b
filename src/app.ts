// Puts the modules together: store, log, webhooks, agent, keys and REST server. They start in this order and stop in
// reverse. Here the compiler checks that the modules fit together.
//
// Over 400 lines: it creates every module with its dependencies and settings, and does little else.

import { type Agent, createAgent } from './agent/agent.ts';
import { createProgramFinder } from './agent/programs/program-finder.ts';
import { RestApiServer } from './api/rest-server.ts';
import { agentSettings, sandboxSettings } from './app/agent-settings.ts';
import { createAnswerStore } from './app/answer-store.ts';
import { dashboardFolder } from './app/dashboard-folder.ts';
import type { WriterThread } from './app/early-thread.ts';
import { logSandbox } from './app/log-sandbox.ts';
import { mcpDoor } from './app/mcp-door.ts';
import { createNodeService } from './app/node-service.ts';
import { nodeUrl } from './app/node-url.ts';
import { describeDatabase, openStore } from './app/open-store.ts';
import { openTracing, otlpHeaders } from './app/open-tracing.ts';
import { openAiDoor } from './app/openai-door.ts';
import { createReadiness, describeWebhooks } from './app/readiness.ts';
import { moveOldFiles, ownFiles, stateFolder, trustedFiles } from './app/server-files.ts';
import { settingFaults } from './app/setting-faults.ts';
import { createSharedTokens } from './app/shared-tokens.ts';
import { createTriggerService, type LazyTriggers } from './app/trigger-service.ts';
import { readCertificates, targetSettings } from './app/webhook-settings.ts';
import { databaseUrlSecrets } from './base/database-url.ts';
import { CodeBuddyError } from './base/errors.ts';
import { triggersFile, webhooksFile, worktreesFolder } from './base/home-paths.ts';
import { makeProof } from './base/identity-proof.ts';
import { startIdsAfter } from './base/ids.ts';
import { createRedactor, type Redactor, secretVariables } from './base/redaction.ts';
import type { Tracing } from './base/tracing.ts';
import { version } from './base/version.ts';
import { ensureHome } from './config/home-folder.ts';
import { removeConfigLeftovers } from './config/leftovers.ts';
import { readOrCreateLocalKey } from './config/local-key.ts';
import { removeServerFile, writeServerFile } from './config/server-file.ts';
import { type Origins, type Settings, SettingsError } from './config/settings.ts';
import { shownSettings } from './config/shown-settings.ts';
import { builtinAgent } from './contract/agent-names.ts';
import type { EventLog } from './events/event-log.ts';
import { createEventLog } from './events/log.ts';
import { startRetention } from './events/retention.ts';
import type { Logger } from './http/logger.ts';
import type { HttpServices } from './http/services.ts';
import type { TriggerService } from './http/trigger-service.ts';
import { type Keys, openKeys } from './keys/key-service.ts';
import { promptRatesOf } from './keys/prompt-rates.ts';
import type { Ownership } from './store/ownership.ts';
import { DamagedRowError } from './store/row-json.ts';
import { toOpenError } from './store/sqlite/open-database.ts';
import type { Store } from './store/store.ts';
import { StoreOpenError } from './store/store-open-error.ts';
import { openWebhookEngine, type WebhookEngine } from './webhooks/engine.ts';

export { createLogger } from './app/create-logger.ts';
export { limitHeap } from './app/limit-heap.ts';
export { saveMemoryAtStart } from './app/save-memory-at-start.ts';

/** How long unfinished runs may take to end when the server stops, in ms. */
const graceMs = 10_000;
/** How long deliveries under way may take after that, in ms. */
const deliveryGraceMs = 5000;
const bytesPerMiB = 1024 * 1024;
/** Work in the background begins this long after the server listens, in ms: the first requests come first. */
const backgroundDelayMs = 20;

export interface App {
  readonly server: RestApiServer;
  /** The server's URL. Throws before `start()`. */
  readonly url: string;
  /** The model that answers, and the reason why it was selected. */
  describeModel(): Promise<string>;
  /** The agent of new sessions, and whether it is there; undefined for the built-in one. */
  describeAgent(): Promise<string | undefined>;
  /** One line about the webhooks that need attention; undefined if there are none. */
  describeWebhooks(): Promise<string | undefined>;
  /** How commands run. */
  describeSandbox(): Promise<string>;
  /** The shared database, without its password; undefined for a file. */
  readonly database: string | undefined;
  /** The file that contains the local user's key. */
  readonly keyFile: string;
  /** If it is stopped meanwhile, it resolves when the stop has ended. */
  start(): Promise<void>;
  /** Waits for requests and runs to end, interrupts the rest, and closes the store. May be called twice. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly logger?: Logger;
  /** Where each setting came from. @default 'the settings' for each */
  readonly origins?: Origins;
  /** Source of the providers' keys. Programs that tools start get a part of it. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** The redactor that `logger` uses. It learns the secrets of the settings. @default a new one */
  readonly redactor?: Redactor;
  /** The thread of the store, if it is running already: see app/early-thread.ts. @default a new one */
  readonly writerThread?: WriterThread;
  /** Called when the store is open, so the writer thread runs, before the agent looks at the workspace. */
  readonly onStoreOpen?: () => void;
  /**
   * Called with a message for a person when a newer release has migrated a shared database: the server writes nothing
   * more, and is not ready. @default stop
   */
  readonly onSuperseded?: (message: string) => void;
}

/** Opens everything but the socket. @throws SettingsError, StoreOpenError, or an Error with a message for the user */
export async function createApp(
  settings: Settings,
  {
    logger,
    origins = unknownOrigins(settings),
    environment = process.env,
    redactor = createRedactor(),
    writerThread,
    onStoreOpen,
    onSuperseded,
  }: AppOptions = {},
): Promise<App> {
  redactor.learn([
    ...secretVariables(environment),
    ...Object.values(otlpHeaders(environment)),
    ...(settings.apiKey === undefined ? [] : [settings.apiKey]),
    ...(settings.database.kind === 'postgres' ? databaseUrlSecrets(settings.database.url) : []),
  ]);
  checkSettings(settings, origins, environment);
  ensureHome(settings.home);
  for (const line of moveOldFiles(settings)) logger?.info(line);
  const localKey = readOrCreateLocalKey(settings.home);
  redactor.learn([localKey.key]);
  if (localKey.warning !== undefined) logger?.warn(localKey.warning);
  const tracing = await openTracing(settings, {
    environment,
    redact: redactor.redact,
    warn: (message) => logger?.warn(message),
  });
  let agent: Agent | undefined;
  let server: RestApiServer | undefined;
  let startedLog: EventLog | undefined;
  const opened = await openStore(settings, {
    logger,
    writerThread,
    url: () => nodeUrl(settings, server?.getAddress()),
    seen: () => startedLog?.stats().seen,
  });
  onStoreOpen?.();
  const { store, ownership } = opened;
  removeConfigLeftovers(settings.home);
  const startedAt = new Date().toISOString();
  let webhooks: WebhookEngine | undefined;
  let triggers: LazyTriggers | undefined;
  const log = createEventLog({ store, deltas: ownership.deltas });
  startedLog = log;
  /** Starts when the server listens. */
  const afterStart: (() => void)[] = [];
  try {
    startIdsAfter(await store.newestIds());
    // Opened before the agent, which appends events about unfinished runs.
    webhooks = await openWebhookEngine({
      store,
      log,
      ownership,
      registryPath: webhooksFile(settings.home),
      ...targetSettings(settings),
      ownListeners: () => {
        const address = server?.getAddress();
        return address === undefined
          ? []
          : [{ address: address.host === 'localhost' ? '127.0.0.1' : address.host, port: address.port }];
      },
      ...(settings.webhookProxy === undefined ? {} : { proxy: settings.webhookProxy }),
      ...(settings.webhookCa === undefined ? {} : { ca: readCertificates(settings.webhookCa) }),
      warn: (message, error) => logger?.warn(error === undefined ? {} : { err: error }, message),
      tracing,
    });
    const keys = await openKeys({
      store,
      fixed: [
        { id: 'local', key: localKey.key },
        ...(settings.apiKey === undefined ? [] : [{ id: 'environment', key: settings.apiKey }]),
      ],
    });
    agent = await createAgent({
      store,
      log,
      ownership,
      workspace: settings.workspace,
      workspaceRoots: settings.workspaceRoots,
      worktreeFolder: worktreesFolder(settings.home),
      limits: {
        maxActive: settings.maxActiveRuns,
        maxWaiting: settings.maxWaitingRuns,
        maxWaitingPerKey: settings.maxWaitingRunsPerKey,
        maxQueued: settings.maxQueuedRuns,
        maxQueuedPerKey: settings.maxQueuedRunsPerKey,
        maxQueuedPerSession: settings.maxQueuedRunsPerSession,
      },
      promptRates: promptRatesOf(keys),
      ...agentSettings(settings, origins),
      permissionMode: settings.permissionMode,
      permissionTimeoutMs: settings.permissionTimeoutMs === 'none' ? null : settings.permissionTimeoutMs,
      onUnanswered: settings.onUnanswered,
      costLimits: settings.costLimits,
      costThresholds: settings.costThresholds,
      sandbox: sandboxSettings(settings),
      ...(settings.contextWindow === undefined ? {} : { contextWindow: settings.contextWindow }),
      ...(settings.modelSilenceMs === undefined ? {} : { modelSilenceMs: settings.modelSilenceMs }),
      files: {
        maxFileSize: settings.maxFileSize,
        maxStoredFiles: settings.maxStoredFiles,
        keepDays: settings.retentionDays,
      },
      ownFiles: ownFiles(settings),
      trustedFiles: trustedFiles(settings),
      stateFolder: stateFolder(settings),
      watch: settings.watch,
      undoFileBytes: settings.undoFileMiB * bytesPerMiB,
      undoTotalBytes: settings.undoTotalMiB * bytesPerMiB,
      version,
      environment,
      redactor,
      warn: (message) => logger?.warn(message),
      later: (work) => void afterStart.push(work),
      onFault: (error, runId) => logger?.error({ err: error, runId }, 'run failed: internal error'),
      tracing,
    });
    triggers = createTriggerService({
      store,
      log,
      ownership,
      runs: agent.runs,
      path: triggersFile(settings.home),
      modes: settings.triggerModes,
      learn: redactor.learn,
      warn: (message, error) => logger?.warn(error === undefined ? {} : { err: error }, message),
    });
    server = new RestApiServer(
      {
        port: settings.port,
        host: settings.host,
        enableCors: settings.enableCors,
        allowedHosts: settings.allowedHosts,
        shutdownTimeoutMs: graceMs,
        logger: logger ?? false,
      },
      await connect(settings, {
        store,
        ownership,
        log,
        keys,
        agent,
        webhooks,
        triggers: triggers.service,
        localKey: localKey.key,
        startedAt,
        origins,
        logger,
        tracing,
      }),
    );
  } catch (error) {
    await agent?.close(0);
    await webhooks?.close(0);
    await log.close();
    await opened.close();
    throw asStartError(error, settings);
  }

  const started = { server, agent, webhooks, triggers };
  let starting: NodeJS.Timeout | undefined;
  let stopRetention: (() => void) | undefined;
  let stopping: Promise<void> | undefined;

  async function stop(): Promise<void> {
    clearTimeout(starting);
    stopRetention?.();
    // At the same time: requests wait for their runs, and both have the same deadline.
    await Promise.all([started.server.stop(), started.agent.close(graceMs), started.triggers.close()]);
    await started.webhooks.close(deliveryGraceMs);
    await tracing.close();
    // Before the lock is released, or this could remove the file of the next owner.
    removeServerFile(settings.home);
    await log.close();
    await opened.close();
  }

  function stopOnce(): Promise<void> {
    stopping ??= stop();
    return stopping;
  }

  ownership.node.onSuperseded((message) => {
    if (onSuperseded === undefined) void stopOnce();
    else onSuperseded(message);
  });

  return {
    server,
    keyFile: localKey.path,
    database: settings.database.kind === 'sqlite' ? undefined : describeDatabase(settings),
    describeWebhooks: () => describeWebhooks(started.webhooks),
    async describeModel() {
      const { models, reason } = await started.agent.models.choice();
      return `${models.join(', then ') || 'offline'} (${reason})`;
    },
    async describeAgent() {
      if (started.agent.agents.defaultName === builtinAgent) return undefined;
      const [chosen] = (await started.agent.agents.list()).agents;
      return chosen && `${chosen.name} (${chosen.title}). ${chosen.detail}`;
    },
    describeSandbox: async () => (await agent.describeSandbox()).detail,
    get url() {
      const address = started.server.getAddress();
      if (address === undefined) throw new Error('The server is not running.');
      return address.url;
    },
    async start() {
      try {
        const { url } = await started.server.start();
        // What follows would outlive the stop.
        if (stopping !== undefined) return stopping;
        writeServerFile(settings.home, {
          url,
          pid: process.pid,
          startedAt,
          version,
        });
      } catch (error) {
        const wasStopped = stopping !== undefined;
        await stopOnce();
        if (wasStopped) return;
        throw error;
      }
      starting = setTimeout(() => {
        started.triggers.start();
        for (const work of afterStart) work();
        // Look for a model now, so that the first prompt need not wait for it.
        void started.agent.models.choice();
        void logSandbox(started.agent, logger);
      }, backgroundDelayMs);
      stopRetention = startRetention({
        store,
        // One node is enough for it.
        mayPrune: async () => ownership.node.leaseLeftMs() > 0 && ownership.claims.claim('task:retention'),
        keepDays: settings.retentionDays,
        maxFileHistoryBytes: settings.undoTotalMiB * bytesPerMiB,
        onError: (error) => logger?.warn({ err: error }, 'could not delete old events; will retry later'),
      });
    },
    stop: stopOnce,
  };
}

/** A caller that made the settings itself. */
function unknownOrigins(settings: Settings): Origins {
  const names = Object.keys(settings) as (keyof Settings)[];
  return Object.fromEntries(names.map((name) => [name, 'the settings'])) as Origins;
}

/** @throws SettingsError with one line for each fault */
function checkSettings(settings: Settings, origins: Origins, environment: NodeJS.ProcessEnv): void {
  const faults = settingFaults(settings, origins, environment);
  if (faults.length > 0) throw new SettingsError(faults.join('\n'));
}

interface Modules {
  readonly store: Store;
  readonly ownership: Ownership;
  readonly log: EventLog;
  readonly keys: Keys;
  readonly agent: Agent;
  readonly webhooks: WebhookEngine;
  readonly triggers: TriggerService;
  readonly localKey: string;
  readonly startedAt: string;
  readonly origins: Origins;
  readonly logger: Logger | undefined;
  readonly tracing: Tracing;
}

async function connect(
  settings: Settings,
  {
    store,
    ownership,
    log,
    keys,
    agent,
    webhooks,
    triggers,
    localKey,
    startedAt,
    origins,
    logger,
    tracing,
  }: Modules,
): Promise<HttpServices> {
  const sharedTokens = await createSharedTokens(ownership);
  return {
    tracing,
    runs: agent.runs,
    mcp: mcpDoor({ log, agent, logger }),
    openai: openAiDoor(log, agent),
    sessions: agent.sessions,
    tools: agent.tools,
    files: agent.files,
    permissions: agent.allPermissions,
    uploads: agent.uploads,
    inbox: agent.inbox,
    events: log,
    keys,
    ...(sharedTokens === undefined ? {} : { sharedTokens }),
    // A new key of the environment ends the sign-ins of the old one.
    signInSecret: `${sharedTokens?.secret ?? localKey} ${settings.apiKey ?? ''}`,
    answers: createAnswerStore(store, ownership.shared ? ownership : undefined),
    webhooks: {
      ...webhooks,
      // Over the API, a webhook is signed unless the client opts out.
      create: (input) => webhooks.create(input, { generateSecret: true }),
    },
    triggers,
    dashboard: dashboardFolder,
    nodes: createNodeService({ store, ownership, log, agent, webhooks }),
    settings: () => shownSettings(settings, origins),
    workspaces: agent.workspaces,
    mcpServers: agent.mcpServers,
    agents: () => agent.agents.list(),
    models: () => agent.models.list(),
    readiness: createReadiness({ store, ownership, agent, webhooks }),
    describeAgent: () => ({ ...agent.describe(), workspace: settings.workspace }),
    identity: (facts) => makeProof(localKey, { ...facts, pid: process.pid, startedAt }),
    describeSandbox: () => agent.describeSandbox(),
  };
}

/** Damage is found only when a page is read, long after the opening, but the message must name the file. */
function asStartError(error: unknown, settings: Settings): unknown {
  const database = describeDatabase(settings);
  if (error instanceof DamagedRowError) return new Error(`${database}: ${error.message}`, { cause: error });
  const isStorage =
    error instanceof CodeBuddyError &&
    (error.code === 'storage_unavailable' || error.code === 'storage_full');
  if (!isStorage) return error;
  return settings.database.kind === 'sqlite'
    ? toOpenError(database, error.cause)
    : new StoreOpenError('unreachable', `${database}: ${error.message}`, { cause: error });
}

/** Returns PATH without the folders that the agent can write: those in the workspace, and relative ones. */
export function trustedPath(path: string | undefined, workspace: string): string {
  return createProgramFinder({ path, untrusted: [workspace] }).path;
}
