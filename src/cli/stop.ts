// `codebuddy stop`: stops the local server and waits until it has ended.

import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { isProcessAlive } from '../base/is-process-alive.ts';
import { CodeBuddyClient } from '../client/index.ts';
import { loadSettings } from '../config/load-settings.ts';
import { readServerFile, type ServerFile } from '../config/server-file.ts';
import { whileBusy } from './busy-line.ts';
import { print, printJson } from './output.ts';
import { settingFlags, withSettings } from './setting-flags.ts';

const patienceMs = 120_000;
const pollMs = 50;

export function define(stop: Command): void {
  withSettings(stop, ['home'])
    .description(
      'Stop the local server, even if it was started by hand. Active runs are interrupted and can be resumed.',
    )
    .option('--json', 'print JSON, errors included')
    .action(async (options: { readonly json?: boolean }) => {
      const { home } = loadSettings({ flags: settingFlags(options) }).settings;
      const server = readServerFile(home);
      if (server !== undefined) await end(home, server);
      if (options.json) printJson({ stopped: server !== undefined, pid: server?.pid ?? null });
      else print(server === undefined ? `No server is running for ${home}.` : `Stopped (pid ${server.pid}).`);
    });
}

async function end(home: string, { pid }: ServerFile): Promise<void> {
  const client = new CodeBuddyClient({ home, maxRetries: 0 });
  try {
    // The connection proves that the process is the server: after a crash, another one may have its pid.
    await client.health();
  } finally {
    client.close();
  }
  process.kill(pid, 'SIGTERM');
  await whileBusy('Waiting for the server to finish its work', () => ended(pid));
}

async function ended(pid: number): Promise<void> {
  const started = Date.now();
  while (isProcessAlive(pid)) {
    if (Date.now() - started > patienceMs)
      throw new Error(`The server (pid ${pid}) has not ended after ${patienceMs / 1000} s.`);
    await delay(pollMs);
  }
}
