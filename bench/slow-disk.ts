// Measures whether a slow disk holds up requests and streams that need no disk: two servers get the same load, which
// commits all the time; in one of them every fsync takes 10 ms longer (slow-sync.c).

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type BenchResult, printRows, rowOf, skippedRow, type Target } from './bench-result.ts';
import { type ClockModel, clockNow, startClockModel } from './clock-model.ts';
import { onDisk } from './disk-folder.ts';
import { quantile, type Spread, spreadOf } from './rounds.ts';
import { type Served, startServer } from './server-process.ts';

const rounds = 5;
const roundMs = 3000;
const commitsPerSecond = 50;
const statusEveryMs = 5;
const target: Target = { atMost: 1.5 };
const whatStatus = 'p99 of GET /api/status with every commit slowed to 10 ms / without';
const whatDelta = 'p99 of a text delta on a stream with every commit slowed to 10 ms / without';

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const library = join(folder, 'slow-sync.so');
    const fault = compile(library);
    if (fault !== undefined) {
      const rows = [skippedRow(whatStatus, fault, target), skippedRow(whatDelta, fault, target)];
      return { name: 'slow-disk', rows };
    }
    const model = await startClockModel();
    const slow = await serve(folder, 'slow', model, { LD_PRELOAD: library });
    const normal = await serve(folder, 'normal', model, {});
    try {
      return { name: 'slow-disk', rows: await measure(slow, normal) };
    } finally {
      await Promise.all([slow.stop(), normal.stop()]);
      await model.stop();
    }
  });
}

/** @returns why there is no library */
function compile(library: string): string | undefined {
  if (process.platform !== 'linux') return 'only measured on Linux';
  const source = fileURLToPath(new URL('./slow-sync.c', import.meta.url));
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, source], {
    encoding: 'utf8',
  });
  if (error !== undefined) return 'there is no C compiler (cc)';
  return status === 0 ? undefined : `cc failed: ${stderr.split('\n')[0]}`;
}

function serve(
  folder: string,
  name: string,
  model: ClockModel,
  environment: Readonly<Record<string, string>>,
): Promise<Served> {
  mkdirSync(join(folder, name));
  const config = { models: ['bench/clock'], providers: { bench: { baseURL: model.baseURL } } };
  return startServer({ folder: join(folder, name), config, environment });
}

/** p99s of a round, in ms. */
interface Round {
  readonly status: number;
  readonly delta: number;
  /** Median of the requests that commit. */
  readonly commit: number;
}

async function measure(slow: Served, normal: Served) {
  await measureRound(slow);
  await measureRound(normal);
  const slowRounds: Round[] = [];
  const normalRounds: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) slowRounds.push(await measureRound(slow));
    normalRounds.push(await measureRound(normal));
    if (round % 2 === 1) slowRounds.push(await measureRound(slow));
  }
  const commit = spreadOf(slowRounds.map((one) => one.commit)).median;
  if (commit < 10) throw new Error(`bench: a slowed commit took ${commit} ms: the library was not loaded`);
  const row = (what: string, of: (round: Round) => number) => {
    const ratios = slowRounds.map((one, index) => of(one) / of(normalRounds[index] ?? one));
    const seen = `${ms(spreadOf(slowRounds.map(of)))}, without ${ms(spreadOf(normalRounds.map(of)))}; a request that commits: ${commit.toFixed(1)} ms`;
    return rowOf({ what, measured: spreadOf(ratios), target, seen });
  };
  return [row(whatStatus, ({ status }) => status), row(whatDelta, ({ delta }) => delta)];
}

function ms({ median }: Spread): string {
  return `${median.toFixed(2)} ms`;
}

async function measureRound(server: Served): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const until = performance.now() + roundMs;
  const statuses: number[] = [];
  const commits: number[] = [];
  const [deltas] = await Promise.all([
    streamDelays(server, until),
    pace(
      statusEveryMs,
      until,
      async () => void statuses.push(await timed(server, agent, 'GET', '/api/status')),
    ),
    pace(1000 / commitsPerSecond, until, async () => {
      commits.push(await timed(server, agent, 'POST', '/api/sessions', '{}'));
    }),
  ]);
  agent.destroy();
  return {
    status: quantile(statuses, 0.99),
    delta: quantile(deltas, 0.99),
    commit: quantile(commits, 0.5),
  };
}

/** Calls `work` evenly, without waiting for earlier calls. */
async function pace(everyMs: number, until: number, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  const calls: Promise<void>[] = [];
  while (performance.now() < until) {
    calls.push(work());
    await wait(Math.max(1, startedAt + calls.length * everyMs - performance.now()));
  }
  await Promise.all(calls);
}

function timed(server: Served, agent: Agent, method: string, path: string, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const headers = {
      'x-api-key': server.apiKey,
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const options = { method, path, port: server.port, host: '127.0.0.1', agent, headers };
    request(options, (response) => {
      response.resume();
      response.once('end', () => {
        if ((response.statusCode ?? 0) < 300) resolve(performance.now() - startedAt);
        else reject(new Error(`bench: ${method} ${path} answered ${response.statusCode}`));
      });
    })
      .once('error', reject)
      .end(body);
  });
}

/** The time from the model to the client of each delta of a prompt, in ms. */
function streamDelays(server: Served, until: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const delays: number[] = [];
    const body = JSON.stringify({ prompt: 'the time, please' });
    const post = request(
      {
        method: 'POST',
        path: '/api/prompt',
        port: server.port,
        host: '127.0.0.1',
        agent: false,
        headers: {
          'x-api-key': server.apiKey,
          'content-type': 'application/json',
          accept: 'text/event-stream',
        },
      },
      (response) => {
        let rest = '';
        response.setEncoding('latin1').on('data', (chunk: string) => {
          const now = clockNow();
          const frames = (rest + chunk).split('\n\n');
          rest = frames.pop() ?? '';
          for (const frame of frames) {
            if (!frame.includes('message.delta')) continue;
            for (const [, sentAt] of frame.matchAll(/t(\d{6,})\./g))
              delays.push((now - Number(sentAt)) / 1000);
          }
        });
      },
    );
    post.once('error', (error) => {
      if (performance.now() < until) reject(error);
    });
    post.end(body);
    setTimeout(() => {
      post.destroy();
      if (delays.length < 100) reject(new Error(`bench: only ${delays.length} deltas came`));
      else resolve(delays);
    }, until - performance.now());
  });
}

if (import.meta.main) printRows((await run()).rows);
