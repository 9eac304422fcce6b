// Measures the time from the start of `codebuddy serve` to its first 200 and its resident memory while idle, beside a
// bare node:http server, and the time of `codebuddy --version` beside `node -e 0`.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type BenchResult, printRows, rowOf, wholeText } from './bench-result.ts';
import { alternate, type Spread, spreadOf } from './rounds.ts';
import { answered, freePort, program, residentMb, stop } from './server-process.ts';

const bare = `require('node:http').createServer((q, r) => r.end('{"status":"ok"}')).listen(+process.argv[1], '127.0.0.1')`;
const rounds = 7;
const commandRounds = 15;
const idleMs = 2000;

/** Counts a second start: the config folder exists and the compile cache is warm, because the first is not counted. */
export async function run(): Promise<BenchResult> {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-bench-'));
  const options = {
    stdio: 'ignore',
    env: { ...process.env, CODEBUDDY_HOME: home, NODE_ENV: 'production' },
  } as const;
  const node = (...args: readonly string[]): ChildProcess => spawn(process.execPath, args, options);
  const serve = (port: number): ChildProcess => node(program, 'serve', '--port', String(port));
  const serveBare = (port: number): ChildProcess => node('-e', bare, String(port));
  try {
    const first = await startMs(serve);
    await startMs(serveBare);
    const ourMemory: number[] = [];
    const bareMemory: number[] = [];
    const starts = await alternate(
      rounds,
      () => startMs(serve, ourMemory),
      () => startMs(serveBare, bareMemory),
    );
    const version = (): Promise<number> => runMs(node(program, '--version'));
    const nothing = (): Promise<number> => runMs(node('-e', '0'));
    await version();
    const commands = await alternate(commandRounds, version, nothing);
    const memory = ourMemory.map((value, round) => value / (bareMemory[round] ?? Number.NaN));
    return {
      name: 'start',
      rows: [
        rowOf({
          what: 'start of `codebuddy serve` to the first 200 / bare node:http',
          measured: starts.ratio,
          target: { atMost: 4 },
          seen: `${both(starts.ours, starts.bare, 'ms')}; the first start ever ${wholeText(first)} ms`,
          quote: 'Start of `codebuddy serve` to the first answer / a bare `node:http` server',
        }),
        rowOf({
          what: '`codebuddy --version` / `node -e 0`',
          measured: commands.ratio,
          target: { atMost: 2 },
          seen: both(commands.ours, commands.bare, 'ms'),
        }),
        rowOf({
          what: 'idle resident memory / bare node:http',
          measured: spreadOf(memory),
          target: { atMost: 2 },
          seen: both(spreadOf(ourMemory), spreadOf(bareMemory), 'MB'),
        }),
      ],
    };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function both(ours: Spread, bare: Spread, unit: string): string {
  return `${wholeText(ours.median)} ${unit}, bare ${wholeText(bare.median)} ${unit}`;
}

/** With `memory`, adds the resident memory after a time without requests. */
async function startMs(start: (port: number) => ChildProcess, memory?: number[]): Promise<number> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = start(port);
  try {
    await answered(child, port);
    const elapsed = performance.now() - startedAt;
    if (memory !== undefined) {
      await wait(idleMs);
      memory.push(residentMb(child.pid));
    }
    return elapsed;
  } finally {
    await stop(child);
  }
}

async function runMs(child: ChildProcess): Promise<number> {
  const startedAt = performance.now();
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`bench: a command ended with ${code}`);
  return performance.now() - startedAt;
}

if (import.meta.main) printRows((await run()).rows);
