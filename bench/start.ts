// Measures the time from the start of `codebuddy serve` to its first 200, and its idle memory, beside a bare node:http server.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BenchResult, outcomeOf, printRows } from './bench-result.ts';

const program = fileURLToPath(new URL('../bin/codebuddy.js', import.meta.url));
const bare = `require('node:http').createServer((q, r) => r.end('{"status":"ok"}')).listen(+process.argv[1], '127.0.0.1')`;
const rounds = 7;
const idleMs = 2000;

interface Measured {
  readonly startMs: number;
  readonly residentMb: number;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    request({ port, host: '127.0.0.1', path: '/health', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}

async function measure(start: (port: number) => ChildProcess, idle: boolean): Promise<Measured> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = start(port);
  try {
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      await wait(1);
    }
    const startMs = performance.now() - startedAt;
    if (idle) await wait(idleMs);
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return { startMs, residentMb: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000 };
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] as number;
}

/** Measures a second start: the config folder exists and the compile cache is warm, because the first round is not counted. */
export async function run(): Promise<BenchResult> {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-bench-'));
  const options = {
    stdio: 'ignore',
    env: { ...process.env, CODEBUDDY_HOME: home, NODE_ENV: 'production' },
  } as const;
  const ours: Measured[] = [];
  const bares: Measured[] = [];
  let first: Measured | undefined;
  try {
    for (let round = 0; round <= rounds; round++) {
      const mine = await measure(
        (port) => spawn(process.execPath, [program, 'serve', '--port', String(port)], options),
        round > 0,
      );
      const other = await measure(
        (port) => spawn(process.execPath, ['-e', bare, String(port)], options),
        round > 0,
      );
      if (round === 0) first = mine;
      else {
        ours.push(mine);
        bares.push(other);
      }
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  const startMs = median(ours.map((one) => one.startMs));
  const residentMb = median(ours.map((one) => one.residentMb));
  return {
    name: 'start',
    rows: [
      {
        what: 'start of `codebuddy serve` to the first 200',
        value: `${startMs.toFixed(0)} ms (first start ever ${first?.startMs.toFixed(0)} ms; bare node:http ${median(bares.map((one) => one.startMs)).toFixed(0)} ms)`,
        target: '<= 250 ms',
        outcome: outcomeOf(startMs <= 250),
      },
      {
        what: 'idle resident memory',
        value: `${residentMb.toFixed(0)} MB (bare node:http ${median(bares.map((one) => one.residentMb)).toFixed(0)} MB)`,
        target: '<= 110 MB',
        outcome: outcomeOf(residentMb <= 110),
      },
    ],
  };
}

if (import.meta.main) printRows((await run()).rows);
