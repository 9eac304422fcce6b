// opencode's server beside ours: start, resident memory and the cheapest route. Skipped unless it is installed, since it
// takes 350 MB: npm install --prefix bench/peers/opencode

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BenchResult, printRows, rowOf, skippedRow, wholeText } from '../bench-result.ts';
import { onDisk } from '../disk-folder.ts';
import { requestRate } from '../request-rate.ts';
import { alternate, type Spread, spreadOf } from '../rounds.ts';
import { answered, freePort, program, residentMb, stop } from '../server-process.ts';

const binary = fileURLToPath(
  new URL('./opencode/node_modules/opencode-ai/bin/opencode.exe', import.meta.url),
);
/** The cheapest route that answers without touching a project. */
const cheapest = '/global/health';
const starts = 5;
const loads = 3;
const loadSeconds = 2;
const idleMs = 2000;
const connections = 64;
const what = {
  start: 'start to the first 200: ours / opencode serve',
  memory: 'idle resident memory: ours / opencode serve',
  route: `cheapest route per second, ${connections} connections: ours / opencode serve`,
};

type Start = (port: number) => ChildProcess;

export function run(): Promise<BenchResult> {
  if (!existsSync(binary)) {
    const why = 'opencode is not installed (npm install --prefix bench/peers/opencode)';
    return Promise.resolve({
      name: 'opencode',
      rows: Object.values(what).map((row) => skippedRow(row, why)),
    });
  }
  return onDisk(measure);
}

async function measure(folder: string): Promise<BenchResult> {
  for (const name of ['data', 'config', 'cache', 'state']) mkdirSync(join(folder, name));
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    HOME: folder,
    CODEBUDDY_HOME: join(folder, 'home'),
    XDG_DATA_HOME: join(folder, 'data'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  const options = { stdio: 'ignore', env, cwd: folder } as const;
  const ours: Start = (port) => spawn(process.execPath, [program, 'serve', '--port', String(port)], options);
  const theirs: Start = (port) =>
    spawn(binary, ['serve', '--hostname', '127.0.0.1', '--port', String(port)], options);

  const memory = { ours: [] as number[], theirs: [] as number[] };
  // The first starts create folders and caches.
  await startMs(ours, '/health', []);
  await startMs(theirs, cheapest, []);
  const started = await alternate(
    starts,
    () => startMs(ours, '/health', memory.ours),
    () => startMs(theirs, cheapest, memory.theirs),
  );
  const rates = await withServer(ours, '/health', (our) =>
    withServer(theirs, cheapest, (their) =>
      alternate(
        loads,
        () => rate(our, '/health'),
        () => rate(their, cheapest),
      ),
    ),
  );
  const resident = spreadOf(memory.ours.map((value, round) => value / (memory.theirs[round] ?? Number.NaN)));
  return {
    name: 'opencode',
    rows: [
      rowOf({ what: what.start, measured: started.ratio, seen: both(started.ours, started.bare, 'ms') }),
      rowOf({
        what: what.memory,
        measured: resident,
        seen: both(spreadOf(memory.ours), spreadOf(memory.theirs), 'MB'),
      }),
      rowOf({ what: what.route, measured: rates.ratio, seen: both(rates.ours, rates.bare, '/ s') }),
    ],
  };
}

function both(ours: Spread, theirs: Spread, unit: string): string {
  return `${wholeText(ours.median)} ${unit}, opencode ${wholeText(theirs.median)} ${unit}`;
}

async function startMs(start: Start, path: string, memory: number[]): Promise<number> {
  const startedAt = performance.now();
  return withServer(start, path, async (_port, child) => {
    const elapsed = performance.now() - startedAt;
    await wait(idleMs);
    memory.push(residentMb(child.pid));
    return elapsed;
  });
}

async function withServer<T>(
  start: Start,
  path: string,
  work: (port: number, child: ChildProcess) => Promise<T>,
): Promise<T> {
  const port = await freePort();
  const child = start(port);
  try {
    await answered(child, port, path);
    return await work(port, child);
  } finally {
    await stop(child);
  }
}

function rate(port: number, path: string): Promise<number> {
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\n\r\n`;
  return requestRate({ port, connections, seconds: loadSeconds, request });
}

if (import.meta.main) printRows((await run()).rows);
