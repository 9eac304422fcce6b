// A server in its own process that a part of the benchmark measures: how to start it, when it answers, what it uses.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const program = fileURLToPath(new URL('../bin/codebuddy.js', import.meta.url));

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('bench: no port');
  return address.port;
}

/** Resolves when `path` answers 200. @throws Error if the process ends first */
export async function answered(child: ChildProcess, port: number, path = '/health'): Promise<void> {
  while (!(await answers(port, path))) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`bench: the server ended with ${child.exitCode ?? child.signalCode}`);
    await wait(1);
  }
}

function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    // A server that is starting may take a connection and never answer on it.
    const asked = request({ port, host: '127.0.0.1', path, agent: false, timeout: 500 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Resident memory, in MB. */
export function residentMb(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
}

/** CPU time of all threads so far, in ms. From the scheduler, whose clock is finer than that of `ps`. */
export function cpuMs(pid: number | undefined): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, value) => sum + value, 0) / 1e6;
}

export interface ServeOptions {
  /** A new folder for the configuration, the database and the workspace. */
  readonly folder: string;
  /** The content of config.json. @default none */
  readonly config?: object;
  /** In addition to those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly home: string;
  readonly apiKey: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Runs `codebuddy serve` with a home and a workspace of its own. */
export async function startServer({ folder, config = {}, environment = {} }: ServeOptions): Promise<Served> {
  const home = join(folder, 'home');
  const workspace = join(folder, 'workspace');
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [program, 'serve', '--home', home, '--workspace', workspace, '--port', String(port)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        CODEBUDDY_LOG_LEVEL: 'error',
        CODEBUDDY_MODEL: '',
        ...environment,
      },
    },
  );
  try {
    await answered(child, port);
    return {
      url: `http://127.0.0.1:${port}`,
      port,
      home,
      apiKey: readFileSync(join(home, 'api', 'api-key'), 'utf8').trim(),
      pid: child.pid,
      stop: () => stop(child),
    };
  } catch (error) {
    await stop(child);
    throw error;
  }
}
