// The one place where the rooms are put together: store, log, agent, keys and REST server, started in this order and stopped in
// the other. Here the compiler checks that what each room offers is what another asked for.

import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Agent, createAgent } from './agent/agent.ts';
import { findOptionFaults } from './agent/option-faults.ts';
import { createProgramFinder } from './agent/programs/program-finder.ts';
import { RestApiServer } from './api/rest-server.ts';
import { CodeBuddyError } from './base/errors.ts';
import { fileError } from './base/file-errors.ts';
import { apiFolder, databaseIn, oldFile, ownFile, ownFileNames, webhooksFile } from './base/home-paths.ts';
import { makeProof } from './base/identity-proof.ts';
import { createRedactor, type Redactor, secretVariables } from './base/redaction.ts';
import { version } from './base/version.ts';
import { visibleJson } from './base/visible-text.ts';
import { ensureHome } from './config/home-folder.ts';
import { removeConfigLeftovers } from './config/leftovers.ts';
import { readOrCreateLocalKey } from './config/local-key.ts';
import { moveOwnFiles } from './config/move-own-files.ts';
import { removeServerFile, writeServerFile } from './config/server-file.ts';
import { type Settings, SettingsError } from './config/settings.ts';
import type { ReadinessPart } from './contract/readiness.ts';
import type { EventLog } from './events/event-log.ts';
import { startIdsAfter } from './events/ids.ts';
import { createEventLog } from './events/log.ts';
import { startRetention } from './events/retention.ts';
import { type Logger, makeLogger } from './http/logger.ts';
import { describeAttention, webhooksToLookAt } from './http/resources/webhook-attention.ts';
import type { AnswerStore, HttpServices } from './http/services.ts';
import { openKeys } from './keys/key-service.ts';
import { DamagedRowError } from './store/row-json.ts';
import { isOwnDatabase, moveDatabase } from './store/sqlite/move-database.ts';
import { toOpenError } from './store/sqlite/open-database.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';
import type { Store } from './store/store.ts';
import { openWebhookEngine, type WebhookEngine } from './webhooks/engine.ts';
import { setAsideFiles } from './webhooks/set-aside-files.ts';
import { parseAllowed } from './webhooks/url-guard.ts';

export { describeAttention } from './http/resources/webhook-attention.ts';
export { StoreOpenError } from './store/store-open-error.ts';

/** How long unfinished runs have to end when the server stops, in ms. */
const graceMs = 10_000;
/** And then deliveries that are under way. */
const deliveryGraceMs = 5000;

export interface App {
  readonly server: RestApiServer;
  /** Where it listens; throws before `start()`. */
  readonly url: string;
  /** Which model answers, and why that one, in words. */
  describeModel(): Promise<string>;
  /** One line about the webhooks that a person should look at; undefined if all is well. */
  describeWebhooks(): Promise<string | undefined>;
  /** How commands run, in words. */
  describeSandbox(): Promise<string>;
  /** The file that holds the local user's key. */
  readonly keyFile: string;
  start(): Promise<void>;
  /** Lets requests and runs end, interrupts the rest, closes the store. Safe to call twice. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly logger?: Logger;
  /** Where the model was set, in words. @default 'the settings' */
  readonly modelsOrigin?: string;
  /** Keys of providers, and what programs started by tools get a part of. @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
  /** The one that `logger` writes through. It learns the secrets of the settings. @default a new one */
  readonly redactor?: Redactor;
}

/** Opens everything but the socket. @throws SettingsError, StoreOpenError, Error with one line for a person */
export async function createApp(
  settings: Settings,
  {
    logger,
    modelsOrigin = 'the settings',
    environment = process.env,
    redactor = createRedactor(),
  }: AppOptions = {},
): Promise<App> {
  redactor.learn([
    ...secretVariables(environment),
    ...(settings.apiKey === undefined ? [] : [settings.apiKey]),
  ]);
  checkSettings(settings, modelsOrigin, environment);
  ensureHome(settings.home);
  for (const line of moveOldFiles(settings)) logger?.info(line);
  const localKey = readOrCreateLocalKey(settings.home);
  redactor.learn([localKey.key]);
  if (localKey.warning !== undefined) logger?.warn(localKey.warning);
  const store = await openSqliteStore({
    path: settings.databasePath,
    ...(logger === undefined ? {} : { logger }),
  });
  removeConfigLeftovers(settings.home);
  let agent: Agent | undefined;
  let server: RestApiServer | undefined;
  const startedAt = new Date().toISOString();
  let webhooks: WebhookEngine | undefined;
  const log = createEventLog({ store });
  try {
    startIdsAfter(await store.newestIds());
    // Before the agent: what it finds unfinished, it tells the log.
    webhooks = await openWebhookEngine({
      store,
      log,
      registryPath: webhooksFile(settings.home),
      allowedTargets: settings.allowedTargets,
      allowLoopback: isLoopback(settings.host),
      ownListeners: () => {
        const address = server?.getAddress();
        return address === undefined
          ? []
          : [{ address: address.host === 'localhost' ? '127.0.0.1' : address.host, port: address.port }];
      },
      ...(settings.webhookProxy === undefined ? {} : { proxy: settings.webhookProxy }),
      ...(settings.webhookCa === undefined ? {} : { ca: readCa(settings.webhookCa) }),
      warn: (message, error) => logger?.warn(error === undefined ? {} : { err: error }, message),
    });
    agent = await createAgent({
      store,
      log,
      workspace: settings.workspace,
      limits: {
        maxActive: settings.maxActiveRuns,
        maxWaiting: settings.maxWaitingRuns,
        maxWaitingPerKey: settings.maxWaitingRunsPerKey,
        maxQueued: settings.maxQueuedRuns,
        maxQueuedPerKey: settings.maxQueuedRunsPerKey,
        maxQueuedPerSession: settings.maxQueuedRunsPerSession,
      },
      ...(settings.models === undefined ? {} : { models: settings.models, modelsOrigin }),
      providers: settings.providers,
      mcpServers: settings.mcpServers,
      permissionMode: settings.permissionMode,
      permissions: settings.permissions,
      protectedPaths: settings.protectedPaths,
      costLimits: settings.costLimits,
      costThresholds: settings.costThresholds,
      sandbox: sandboxOptions(settings),
      ...(settings.contextWindow === undefined ? {} : { contextWindow: settings.contextWindow }),
      ...(settings.modelSilenceMs === undefined ? {} : { modelSilenceMs: settings.modelSilenceMs }),
      ownFiles: ownFiles(settings),
      trustedFiles: trustedFiles(settings),
      stateFolder: join(apiFolder(settings.home), 'state'),
      watch: settings.watch,
      version,
      environment,
      redactor,
      warn: (message) => logger?.warn(message),
      onFault: (error, runId) => logger?.error({ err: error, runId }, 'a run failed for a reason of ours'),
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
      await connect(settings, { store, log, agent, webhooks, localKey: localKey.key, startedAt }),
    );
  } catch (error) {
    await agent?.close(0);
    await webhooks?.close(0);
    await log.close();
    await store.close();
    throw asStartError(error, settings.databasePath);
  }

  const started = { server, agent, webhooks };
  let stopRetention: (() => void) | undefined;
  let stopping: Promise<void> | undefined;

  async function stop(): Promise<void> {
    stopRetention?.();
    // Together: requests wait for their runs, and both have the same time.
    await Promise.all([started.server.stop(), started.agent.close(graceMs)]);
    await started.webhooks.close(deliveryGraceMs);
    // Before the lock is free: the file of the next owner must not be taken for ours.
    removeServerFile(settings.home);
    await log.close();
    await store.close();
  }

  return {
    server,
    keyFile: localKey.path,
    describeWebhooks: () => describeWebhooks(started.webhooks),
    async describeModel() {
      const { models, reason } = await started.agent.models.choice();
      return `${models.join(', then ') || 'offline'} (${reason})`;
    },
    describeSandbox: async () => (await agent.describeSandbox()).detail,
    get url() {
      const address = started.server.getAddress();
      if (address === undefined) throw new Error('the server is not running');
      return address.url;
    },
    async start() {
      try {
        const { url } = await started.server.start();
        writeServerFile(settings.home, {
          url,
          pid: process.pid,
          startedAt,
          version,
        });
      } catch (error) {
        await stop();
        throw error;
      }
      // Who asks first need not wait for the search.
      void started.agent.models.choice();
      void logSandbox(started.agent, logger);
      stopRetention = startRetention({
        store,
        keepDays: settings.retentionDays,
        onError: (error) =>
          logger?.warn({ err: error }, 'old events could not be pruned; trying again later'),
      });
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Whoever reads the log must see when commands are not confined. */
async function logSandbox(agent: Agent, logger: Logger | undefined): Promise<void> {
  let description = await agent.describeSandbox();
  // The trial has a time limit of its own, so this ends.
  while (description.status === 'checking') description = await agent.describeSandbox();
  const message = `sandbox (${description.mode}): ${description.detail}`;
  if (description.status === 'works') logger?.info(message);
  else logger?.warn(message);
}

/** What the modules make of their settings is for them to say. @throws SettingsError that names every fault, one a line */
function checkSettings(
  { models, allowedTargets, ...settings }: Settings,
  modelsOrigin: string,
  environment: NodeJS.ProcessEnv,
): void {
  const { providers, mcpServers, permissions, protectedPaths } = settings;
  const faults = findOptionFaults(
    {
      ...(models === undefined ? {} : { models }),
      modelsOrigin,
      providers,
      mcpServers,
      permissions,
      protectedPaths,
    },
    environment,
  );
  const all = [...faults.map(({ message }) => message), ...findTargetFaults(allowedTargets)];
  if (all.length > 0) throw new SettingsError(all.join('\n'));
}

function findTargetFaults(allowedTargets: readonly string[]): readonly string[] {
  return allowedTargets.flatMap((entry) => {
    try {
      parseAllowed(entry);
      return [];
    } catch (error) {
      if (error instanceof TypeError) return [`allowedTargets (--allowed-target): ${error.message}`];
      throw error;
    }
  });
}

interface Rooms {
  readonly store: Store;
  readonly log: EventLog;
  readonly agent: Agent;
  readonly webhooks: WebhookEngine;
  readonly localKey: string;
  readonly startedAt: string;
}

async function connect(
  settings: Settings,
  { store, log, agent, webhooks, localKey, startedAt }: Rooms,
): Promise<HttpServices> {
  const fixed = [{ id: 'local', key: localKey }];
  if (settings.apiKey !== undefined) fixed.push({ id: 'environment', key: settings.apiKey });
  return {
    runs: agent.runs,
    sessions: agent.sessions,
    tools: agent.tools,
    permissions: agent.permissions,
    events: log,
    keys: await openKeys({ store, fixed }),
    answers: answersIn(store),
    webhooks: {
      ...webhooks,
      // Over the API a secret is made unless the client says that it wants none.
      create: (input) => webhooks.create(input, { generateSecret: true }),
    },
    readiness: () => checkReadiness(store, agent, webhooks),
    describeAgent: () => ({ ...agent.describe(), workspace: settings.workspace }),
    identity: (facts) => makeProof(localKey, { ...facts, pid: process.pid, startedAt }),
    describeSandbox: () => agent.describeSandbox(),
  };
}

function answersIn(store: Store): AnswerStore {
  return {
    async get(key) {
      const row = await store.getAnswer(key);
      if (row === undefined) return undefined;
      return {
        fingerprint: row.fingerprint,
        status: row.status,
        headers: JSON.parse(row.headers) as Record<string, string>,
        body: row.body,
      };
    },
    async put(key, { fingerprint, status, headers, body }) {
      await store.write([
        {
          kind: 'putAnswer',
          answer: { key, fingerprint, status, headers: JSON.stringify(headers), body, createdAt: Date.now() },
        },
      ]);
    },
  };
}

/**
 * What belongs to the server alone: keys and secrets, which no tool may see, and files that it writes while it works, which must not be
 * watched. With `*` copies beside them too, whatever they are called.
 */
function ownFiles({ home, databasePath }: Settings): readonly string[] {
  const api = apiFolder(home);
  // Named one by one for a workspace that is the config folder or its subfolder. What the first version keeps under the old names is as secret.
  const files = [
    webhooksFile(home),
    oldFile(home, 'codebuddy.db'),
    databaseIn(home),
    databasePath,
    ...ownFileNames.flatMap((name) => [ownFile(home, name), oldFile(home, name)]),
  ];
  // Node runs what it finds in its cache of compiled code.
  const cache = getCompileCacheDir();
  const folders = [home, api].flatMap((folder) => [
    folder,
    join(folder, 'compile-cache'),
    join(folder, 'state'),
  ]);
  return [...folders, ...(cache === undefined ? [] : [cache]), ...files, ...files.map((file) => `${file}*`)];
}

/** Moves what an earlier release kept beside the first version's files; gives a line for each file. */
function moveOldFiles({ home, databasePath }: Settings): readonly string[] {
  const lines = moveOwnFiles(home);
  if (databasePath !== databaseIn(home)) return lines;
  const line = moveDatabase(oldFile(home, 'codebuddy.db'), databasePath);
  return line === undefined ? lines : [...lines, line];
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** A damaged page may be met only when it is read: whoever starts the server is told which file it is in. */
function asStartError(error: unknown, databasePath: string): unknown {
  if (error instanceof DamagedRowError)
    return new Error(`${databasePath}: ${error.message}`, { cause: error });
  const isStorage =
    error instanceof CodeBuddyError &&
    (error.code === 'storage_unavailable' || error.code === 'storage_full');
  return isStorage ? toOpenError(databasePath, error.cause) : error;
}

/** @throws Error with one line for a person */
function readCa(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError(path, '(webhookCa) cannot be read', cause);
  }
  try {
    new X509Certificate(text);
  } catch (cause) {
    throw new Error(`${path} (webhookCa) does not begin with a certificate in PEM`, { cause });
  }
  return text;
}

/** One line about the webhooks that a person should look at; undefined if all is well. */
async function describeWebhooks(webhooks: WebhookEngine): Promise<string | undefined> {
  return describeAttention(webhooksToLookAt(await webhooks.list()), webhooks.setAside());
}

/** For `doctor` while no server runs. */
export function setAsideIn({ home }: Settings): readonly string[] {
  return setAsideFiles(join(home, 'webhooks.json'));
}

async function checkReadiness(
  store: Store,
  agent: Agent,
  webhooks: WebhookEngine,
): Promise<readonly ReadinessPart[]> {
  const writable = await store.probe().then(
    () => ({ name: 'store', ready: true, detail: 'the store takes commits' }),
    (error: unknown) => ({
      name: 'store',
      ready: false,
      detail: error instanceof Error ? error.message : 'failed',
    }),
  );
  const trouble = webhooks.trouble();
  const attention = await describeWebhooks(webhooks);
  const { models, reason } = await agent.models.choice();
  const sandbox = await agent.describeSandbox();
  return [
    writable,
    {
      name: 'webhooks',
      ready: trouble === undefined,
      detail: [
        (trouble === undefined ? 'deliveries are sent as they come' : `deliveries wait: ${trouble}`) +
          describeRefused(webhooks.refused()),
        ...(attention === undefined ? [] : [attention]),
      ].join('; '),
    },
    {
      name: 'model',
      ready: true,
      detail: models.length === 0 ? `offline agent: ${reason}` : `${models.join(', then ')}: ${reason}`,
    },
    {
      name: 'sandbox',
      ready: sandbox.status === 'works' || sandbox.status === 'checking' || sandbox.mode !== 'required',
      detail: sandbox.detail,
    },
    { name: 'runs', ready: true, detail: `${agent.runs.activeCount()} unfinished` },
  ];
}

function sandboxOptions(settings: Settings) {
  return {
    mode: settings.sandbox,
    network: settings.sandboxNetwork,
    limits: settings.sandboxLimits,
    hide: settings.sandboxHide,
    show: settings.sandboxShow,
  };
}

/** For `doctor`: the settings of webhooks, checked as at a start. */
export function checkWebhookSettings({
  allowedTargets,
  webhookCa,
}: Pick<Settings, 'allowedTargets' | 'webhookCa'>): readonly string[] {
  const faults = [...findTargetFaults(allowedTargets)];
  try {
    if (webhookCa !== undefined) readCa(webhookCa);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  return faults;
}

function describeRefused(refused: readonly { readonly id: string; readonly reason: string }[]): string {
  if (refused.length === 0) return '';
  const some = refused.slice(0, 3).map(({ id, reason }) => `${id} (${reason})`);
  const more = refused.length > some.length ? `, and ${refused.length - some.length} more` : '';
  return `; refused, their deliveries wait: ${some.join(', ')}${more}`;
}

/** For `doctor` while no server runs: the entries of webhooks.json that a start would refuse, or why the file cannot be used. */
export async function lookAtWebhooks(
  settings: Settings,
): Promise<{ readonly name: string; readonly ok: boolean; readonly detail: string }> {
  const { inspectWebhooks } = await import('./webhooks/inspect-webhooks.ts');
  const path = join(settings.home, 'webhooks.json');
  const { count, fault, refused } = inspectWebhooks({
    path,
    allowedTargets: settings.allowedTargets,
    allowLoopback: isLoopback(settings.host),
  });
  const detail = fault === undefined ? `${count} in ${path}` : `${path} cannot be used: ${fault}`;
  return {
    name: 'webhooks',
    ok: fault === undefined && refused.length === 0,
    detail: detail + describeRefused(refused),
  };
}

/** For `doctor`: which model would answer and what was looked at, the sandbox, and the MCP servers that are set. */
export async function lookAtAgent(
  settings: Settings,
  modelsOrigin: string,
): Promise<readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[]> {
  const { inspectAgent } = await import('./agent/inspect-agent.ts');
  return inspectAgent({
    workspace: settings.workspace,
    ...(settings.models === undefined ? {} : { models: settings.models }),
    modelsOrigin,
    providers: settings.providers,
    mcpServers: settings.mcpServers,
    permissions: settings.permissions,
    protectedPaths: settings.protectedPaths,
    serverFolder: join(apiFolder(settings.home), 'state', 'mcp'),
    sandbox: { ...sandboxOptions(settings), hidden: ownFiles(settings) },
    environment: process.env,
    stateFolder: join(apiFolder(settings.home), 'state'),
  });
}

/** The database of the settings, or while it is in the old place, the one that the next start moves. */
export function findDatabase({ home, databasePath }: Settings): string {
  const old = oldFile(home, 'codebuddy.db');
  const isMissing = databasePath === databaseIn(home) && !existsSync(databasePath);
  return isMissing && existsSync(old) && isOwnDatabase(old) ? old : databasePath;
}

/** Opens a database that no server holds, and gives the number of its last event. @throws StoreOpenError */
export async function checkDatabase(path: string): Promise<number> {
  const store = await openSqliteStore({ path });
  try {
    return (await store.eventBounds()).last;
  } finally {
    await store.close();
  }
}

/** A line of JSON whose texts keep their escapes when they are shown: a log must not drive the terminal. */
function visibleLog(line: string): string {
  return visibleJson(line).replace(/\\(?:\\|u[0-9a-f]{4}|[bfr])/g, (found) =>
    found === '\\\\' ? found : `\\${found}`,
  );
}

/** PATH without what the agent can write: folders in the workspace, and relative ones. */
export function trustedPath(path: string | undefined, workspace: string): string {
  return createProgramFinder({ path, untrusted: [workspace] }).path;
}

/** Logs to standard error: JSON lines, or for a person on a terminal. Either way without what the redactor knows. */
export function createLogger(
  level: Settings['logLevel'],
  isTerminal: boolean,
  { redact }: Redactor = createRedactor(secretVariables(process.env)),
): Logger {
  if (level === 'silent') return makeLogger(level);
  const require = createRequire(import.meta.url);
  if (isTerminal) {
    const { build } = require('pino-pretty') as typeof import('pino-pretty');
    const pretty = build({ destination: 2, colorize: !process.env.NO_COLOR, ignore: 'pid,hostname' });
    return makeLogger(level, { write: (line: string) => pretty.write(visibleLog(line)) }, redact);
  }
  return makeLogger(level, 2, redact);
}

/**
 * What the next start believes: a command that could write it would run as the server. Of the database its journal, which SQLite plays back at the
 * next opening and does not use itself in WAL mode; of the program its own package, which `npx` finds in the workspace.
 */
function trustedFiles({ home, databasePath }: Settings): readonly string[] {
  const cache = getCompileCacheDir();
  const ownPackage = fileURLToPath(new URL('..', import.meta.url));
  return [
    home,
    ...['config.json', 'api-key', 'compile-cache'].map((name) => join(home, name)),
    ...(cache === undefined ? [] : [cache]),
    `${databasePath}-journal`,
    ...(ownPackage.split(sep).includes('node_modules') ? [ownPackage] : []),
  ];
}
