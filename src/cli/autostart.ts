// Starts a server in the background for a command that needs one, and waits until it is ready. The server keeps running
// after the command; `codebuddy stop` ends it.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ownFile } from '../base/home-paths.ts';
import { isProcessAlive } from '../base/is-process-alive.ts';
import { CodeBuddyConnectionError } from '../client/index.ts';
import { ensureHome } from '../config/home-folder.ts';
import { loadSettings } from '../config/load-settings.ts';
import { readServerFile } from '../config/server-file.ts';
import type { Settings } from '../config/settings.ts';
import { whileBusy } from './busy-line.ts';
import { complain, oneLine } from './output.ts';
import { spawnOrphan } from './spawn-orphan.ts';

const patienceMs = 120_000;
const pollMs = 50;
/** A larger log is set aside at the next start. */
const maxLogBytes = 10_000_000;

/**
 * Starts a server if none is running. Does nothing if the setting `autostart` is false.
 * `folder`: its workspace, unless the settings name one. `isOrphan`: it must not descend from this process.
 * @throws CodeBuddyConnectionError if the server does not start
 */
export async function startServer(
  homeFlag: string | undefined,
  {
    folder = process.cwd(),
    isOrphan = false,
  }: { readonly folder?: string; readonly isOrphan?: boolean } = {},
): Promise<void> {
  const { settings, origins } = loadSettings({ flags: { home: homeFlag } });
  const { home } = settings;
  const isNamed = origins.workspace !== 'default';
  const workspace = isNamed ? settings.workspace : folder;
  if (!settings.autostart || readServerFile(home) !== undefined) return;
  ensureHome(home);
  const lock = ownFile(home, 'server.starting');
  const until = Date.now() + patienceMs;
  while (!takeLock(lock)) {
    // Another command is starting one.
    await delay(pollMs);
    if (readServerFile(home) !== undefined) return;
    if (Date.now() > until)
      throw failure(
        `Another command is still starting a server after ${patienceMs / 1000} s; its lock is ${lock}`,
      );
  }
  try {
    // One may have been started before the lock was taken.
    if (readServerFile(home) !== undefined) return;
    complain(
      oneLine(
        `codebuddy: No server is running; starting one in ${workspace}. To stop it: codebuddy stop. Its log: codebuddy logs.`,
      ),
    );
    const flags = isNamed ? [] : ['--workspace', folder];
    // The server of another config folder may have the default port. Commands find this one at any port.
    if (origins.port === 'default' && (await isInUse(settings))) flags.push('--port', '0');
    await whileBusy('Starting the server', () => startAndWait(home, flags, { until, isOrphan }));
  } finally {
    rmSync(lock, { force: true });
  }
}

async function startAndWait(
  home: string,
  flags: readonly string[],
  { until, isOrphan }: { readonly until: number; readonly isOrphan: boolean },
): Promise<void> {
  const log = ownFile(home, 'server.log');
  const before = setAsideIfLarge(log);
  const output = openSync(log, 'a', 0o600);
  const program = process.argv[1] as string;
  const args = [program, 'serve', '--json', '--home', home, ...flags];
  const server =
    isOrphan && process.platform !== 'win32' ? await startOrphan(args, output) : startChild(args, output);
  closeSync(output);
  while (readServerFile(home)?.pid !== server.pid) {
    const fault = server.fault();
    const ended = fault === undefined ? undefined : fault || lastError(log, before);
    // A server that was started by hand at the same time serves as well.
    if (ended !== undefined && readServerFile(home) !== undefined) break;
    if (ended !== undefined) throw failure(`The server did not start. ${ended}`);
    if (Date.now() > until) throw failure(`The server is not ready after ${patienceMs / 1000} s; see ${log}`);
    await delay(pollMs);
  }
}

interface Started {
  readonly pid: number | undefined;
  /** Undefined while it runs. Empty if it has ended: its log says why. */
  fault(): string | undefined;
}

function startChild(args: readonly string[], output: number): Started {
  const server = spawn(process.execPath, args, {
    detached: true,
    stdio: ['ignore', output, output],
    windowsHide: true,
  });
  let fault: string | undefined;
  server.once('error', (error) => {
    fault = error.message;
  });
  server.once('exit', () => {
    fault = '';
  });
  server.unref();
  return { pid: server.pid, fault: () => fault };
}

async function startOrphan(args: readonly string[], output: number): Promise<Started> {
  const pid = await spawnOrphan(process.execPath, args, output);
  return { pid, fault: () => (isProcessAlive(pid) ? undefined : '') };
}

function isInUse({ host, port }: Pick<Settings, 'host' | 'port'>): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    server.listen(port, host, () => server.close(() => resolve(false)));
  });
}

function failure(message: string): CodeBuddyConnectionError {
  return new CodeBuddyConnectionError('not_running', message);
}

/** Whether this process may start a server. The lock of a process that has ended does not count. */
function takeLock(path: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // It is empty until the other process has written its pid.
    const isLeft = pid > 0 ? !isProcessAlive(pid) : Date.now() - statSync(path).mtimeMs > patienceMs;
    if (isLeft) rmSync(path, { force: true });
  } catch (error) {
    // The other process is done.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return false;
}

/** Returns the size of the log that is kept. */
function setAsideIfLarge(log: string): number {
  const { size } = statSync(log, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size <= maxLogBytes) return size;
  renameSync(log, `${log}.old`);
  return 0;
}

/** The text that the server wrote before it ended. */
function lastError(log: string, from: number): string {
  const text = readFileSync(log).subarray(from).toString('utf8').trim();
  const lines = text.split('\n').filter((line) => !line.startsWith('{'));
  return lines.join('\n').replace(/^codebuddy: /, '') || `See ${log}`;
}
