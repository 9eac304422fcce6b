// `codebuddy doctor`: checks this machine, shows the settings and their sources, and asks the running server for its
// state.

import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Command } from 'commander';
import { version } from '../base/version.ts';
import { CodeBuddyClient } from '../client/index.ts';
import { hasModes } from '../config/home-folder.ts';
import { inspectSettings } from '../config/load-settings.ts';
import { localKeyPath, readLocalKey } from '../config/local-key.ts';
import { readServerFile, type ServerFile } from '../config/server-file.ts';
import type { Origins, Settings } from '../config/settings.ts';
import { shownSettings } from '../config/shown-settings.ts';
import { type BusyLine, whileBusy } from './busy-line.ts';
import { exitCodes } from './exit-codes.ts';
import { oneLine, paint, print, printJson, printTable } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';
import { shownValue } from './shown-value.ts';

/** A busy server may need seconds. The proof of its identity has the same limit. */
const serverPatienceMs = 10_000;

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export function define(doctor: Command): void {
  withSettings(doctor, ['home', 'workspace', 'database'])
    .description('Check this machine, the settings and the server. The exit code is 1 if a check fails.')
    .option('--json', 'print JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { settings, origins, faults } = inspectSettings({ flags: settingFlags(options) });
      const checks = [
        ...settingsChecks(faults),
        ...(await whileBusy('Checking', (line) => runChecks(settings, origins, line))),
      ];
      const rows = shownSettings(settings, origins).map(({ name, value, origin }) => ({
        name,
        value,
        origin,
      }));
      if (options.json) printJson({ version, settings: rows, checks });
      else {
        printTable(
          ['SETTING', 'VALUE', 'SOURCE'],
          rows.map(({ name, value, origin }) => [name, shownValue(value), origin]),
        );
        print('');
        for (const { name, ok, detail } of checks) {
          print(
            `${ok ? paint('green', 'ok  ') : paint('red', 'FAIL')} ${name.padEnd(14)} ${oneLine(detail)}`,
          );
        }
      }
      if (checks.some(({ ok }) => !ok)) process.exitCode = exitCodes.failed;
    });
}

function settingsChecks(faults: readonly string[]): readonly Check[] {
  const name = 'settings';
  if (faults.length === 0) return [{ name, ok: true, detail: 'all valid' }];
  return faults.map((detail) => ({ name, ok: false, detail }));
}

/** Runs every check, even if others fail. The line names those that still run. */
async function runChecks(settings: Settings, origins: Origins, line: BusyLine): Promise<readonly Check[]> {
  const { home } = settings;
  const { server, fault } = findServer(home);
  const running: string[] = [];
  const attempt = async (name: string, check: CheckFunction): Promise<readonly Check[]> => {
    running.push(name);
    const checks = await run(name, check);
    running.splice(running.indexOf(name), 1);
    line.say(`Checking ${running.join(', ')}`);
    return checks;
  };
  const results = [
    attempt('node', checkNode),
    attempt('config folder', () => checkHome(home)),
    attempt('API key', () => checkKey(home)),
    attempt('workspace', () => checkWorkspace(settings.workspace)),
    attempt('disk', () => checkDisk(home)),
    ...(server === undefined
      ? [attempt('port', () => checkPort(settings))]
      : [attempt('server', () => checkServer(home, server))]),
    attempt('database', () => checkDatabase(settings, server !== undefined)),
    attempt('webhooks', () => checkWebhooks(settings, server !== undefined)),
    attempt('triggers', () => checkTriggers(settings)),
    attempt('webhook states', () => checkWebhookStates(settings, server !== undefined)),
    attempt('agent', () => checkAgent(settings, origins)),
  ];
  return [...fault, ...(await Promise.all(results)).flat()];
}

function findServer(home: string): {
  readonly server: ServerFile | undefined;
  readonly fault: readonly Check[];
} {
  try {
    return { server: readServerFile(home), fault: [] };
  } catch (error) {
    return { server: undefined, fault: [{ name: 'server', ok: false, detail: String(error) }] };
  }
}

type CheckFunction = () => Check | readonly Check[] | Promise<Check | readonly Check[]>;

async function run(name: string, check: CheckFunction): Promise<readonly Check[]> {
  try {
    return [await check()].flat();
  } catch (error) {
    return [{ name, ok: false, detail: error instanceof Error ? error.message : String(error) }];
  }
}

/** Checks the model that would answer, the sandbox and the MCP servers. */
async function checkAgent(settings: Settings, origins: Origins): Promise<readonly Check[]> {
  const { inspectAgentSettings } = await import('../app/inspect.ts');
  return inspectAgentSettings(settings, origins);
}

async function checkWebhooks(settings: Settings, isRunning: boolean): Promise<readonly Check[]> {
  const name = 'webhooks';
  const { findWebhookFaults, inspectWebhooksFile } = await import('../app/inspect.ts');
  const faults = findWebhookFaults(settings);
  if (faults.length > 0) return faults.map((detail) => ({ name, ok: false, detail }));
  // A running server reports its webhooks itself; those in a shared database are reported by its nodes.
  return isRunning || settings.database.kind === 'postgres' ? [] : [await inspectWebhooksFile(settings)];
}

async function checkTriggers(settings: Settings): Promise<readonly Check[]> {
  const { inspectTriggersFile } = await import('../app/inspect.ts');
  return settings.database.kind === 'postgres' ? [] : inspectTriggersFile(settings);
}

function checkKey(home: string): Check {
  const key = readLocalKey(home);
  const detail = key === undefined ? 'will be created at the first start' : localKeyPath(home);
  return { name: 'API key', ok: true, detail };
}

function checkNode(): Check {
  return { name: 'node', ok: true, detail: `v${process.versions.node} (22.19 or newer is required)` };
}

function checkHome(home: string): Check {
  const name = 'config folder';
  const stats = statSync(home, { throwIfNoEntry: false });
  if (stats === undefined) return { name, ok: true, detail: `${home} will be created at the first start` };
  if (hasModes && (stats.mode & 0o077) !== 0)
    return {
      name,
      ok: false,
      detail: `${home} is accessible to other users (mode ${(stats.mode & 0o777).toString(8)}); the next start repairs it`,
    };
  return canWrite(home)
    ? { name, ok: true, detail: home }
    : { name, ok: false, detail: `${home} is not writable` };
}

function checkWorkspace(workspace: string): Check {
  const name = 'workspace';
  const stats = statSync(workspace, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isDirectory())
    return { name, ok: false, detail: `${workspace} is not a folder` };
  return canWrite(workspace)
    ? { name, ok: true, detail: workspace }
    : { name, ok: true, detail: `${workspace} is not writable: tools that write will fail` };
}

function checkDisk(home: string): Check {
  const name = 'disk';
  const folder = statSync(home, { throwIfNoEntry: false }) === undefined ? '.' : home;
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return { name, ok: free > 100e6, detail: `${(free / 1e9).toFixed(1)} GB free for the event log` };
}

async function checkPort({ host, port }: Settings): Promise<Check> {
  const name = 'port';
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is in use by another program; choose another one with --port'
          : `cannot be used: ${error.message}`;
      resolve({ name, ok: false, detail: `${host}:${port} ${why}` });
    });
    probe.listen(port, host, () =>
      probe.close(() => resolve({ name, ok: true, detail: `${host}:${port} is free` })),
    );
  });
}

async function checkDatabase(settings: Settings, isRunning: boolean): Promise<Check | readonly Check[]> {
  const name = 'database';
  const { database, home } = settings;
  if (database.kind === 'postgres') {
    const { inspectSharedDatabase } = await import('../app/inspect-shared-database.ts');
    return inspectSharedDatabase(database.url, { isRunning });
  }
  // A running server has the file open, and is asked itself.
  if (isRunning) return [];
  const { findDatabase, lastEventIn } = await import('../app/inspect.ts');
  const databasePath = findDatabase(home, database.path);
  if (statSync(databasePath, { throwIfNoEntry: false }) === undefined) {
    return { name, ok: true, detail: `${databasePath} will be created at the first start` };
  }
  try {
    const events = await lastEventIn(databasePath);
    return { name, ok: true, detail: `${databasePath} (${events} events so far)` };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function checkServer(home: string, { url, pid }: ServerFile): Promise<readonly Check[]> {
  let client: CodeBuddyClient | undefined;
  try {
    // Found through `home`, so it must prove its identity before it gets the key.
    client = new CodeBuddyClient({ home, maxRetries: 0 });
    const status = await client.status({ signal: AbortSignal.timeout(serverPatienceMs) });
    const { refused = 0 } = status.webhooks;
    return [
      {
        name: 'server',
        ok: true,
        detail: `${url} (pid ${pid}, version ${status.version}, ${status.activeRuns} active runs)`,
      },
      {
        name: 'webhooks',
        ok: refused === 0,
        detail:
          refused === 0
            ? 'all usable'
            : `${refused} refused, with deliveries waiting; see: codebuddy webhooks list`,
      },
    ];
  } catch (error) {
    return [
      {
        name: 'server',
        ok: false,
        detail: `${url} (pid ${pid}): ${error instanceof Error ? error.message : String(error)}`,
      },
    ];
  } finally {
    client?.close();
  }
}

/**
 * Checks for webhooks that need attention, as the running server reports them; without a server, for files that were
 * set aside.
 */
async function checkWebhookStates(settings: Settings, isRunning: boolean): Promise<Check> {
  const name = 'webhook states';
  const { describeAttention, setAsideIn } = await import('../app/inspect.ts');
  if (!isRunning) {
    const found = describeAttention([], setAsideIn(settings));
    return { name, ok: found === undefined, detail: found ?? 'no unusable webhooks.json was set aside' };
  }
  let client: CodeBuddyClient | undefined;
  try {
    client = new CodeBuddyClient({ home: settings.home, maxRetries: 0 });
    const { webhooks } = await client.status({ signal: AbortSignal.timeout(serverPatienceMs) });
    const found = describeAttention(webhooks.attention ?? [], webhooks.setAside ?? []);
    return {
      name,
      ok: found === undefined,
      detail: found ?? `none needs attention; ${webhooks.pending} deliveries pending`,
    };
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    client?.close();
  }
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    // The reason does not matter here.
    return false;
  }
}
