// Measures the overhead of the agent's loop over direct model calls, the throughput of streamed deltas, and the memory
// of 200 simultaneous runs. The model runs in its own process. The baseline calls it directly with the same package.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Agent, createAgent } from '../src/agent/agent.ts';
import { callModel } from '../src/agent/models/model-call.ts';
import { createModelLoader } from '../src/agent/models/model-loader.ts';
import { CodeBuddyClient } from '../src/client/index.ts';
import type { EventLog } from '../src/events/event-log.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { type BenchResult, type BenchRow, outcomeOf, printRows } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { type ModelProcess, startModelProcess } from './model-process.ts';

const program = fileURLToPath(new URL('../bin/codebuddy.js', import.meta.url));
const rounds = 40;
const steps = 50;
const deltas = 200_000;
const streamRounds = 5;
const manyRuns = 200;

export function run(): Promise<BenchResult> {
  return onDisk(async (folder) => {
    const model = await startModelProcess();
    try {
      const rows = [
        ...(await loop(folder, model)),
        await cancelling(folder),
        await streaming(folder, model),
        await manyAtOnce(folder, model),
      ];
      return { name: 'agent', rows };
    } finally {
      await model.stop();
    }
  });
}

async function loop(folder: string, model: ModelProcess): Promise<readonly BenchRow[]> {
  const workspace = join(folder, 'workspace');
  mkdirSync(workspace);
  const store = await openSqliteStore({ path: join(folder, 'loop.db') });
  const log = createEventLog({ store });
  const agent = await createAgent({
    store,
    log,
    workspace,
    models: ['bench/quick'],
    providers: { bench: { baseURL: model.baseURL } },
    environment: {},
    permissionMode: 'full',
  });
  try {
    const first: number[] = [];
    const firstDirect: number[] = [];
    for (let i = 0; i < rounds + 5; i++) {
      // Alternate, because the machine's speed drifts. The first few rounds warm up both.
      const direct = await firstTokenDirect(model);
      const ours = await firstToken(agent, log);
      if (i >= 5) {
        firstDirect.push(direct);
        first.push(ours);
      }
    }
    const added = median(first) - median(firstDirect);
    const perStep: number[] = [];
    for (let i = 0; i < 5; i++) {
      const direct = await stepsDirect(model);
      perStep.push(((await stepsOfRun(agent, log)) - direct) / (steps + 1));
    }
    return [
      {
        what: 'the loop adds to the first token',
        value: `${added.toFixed(1)} ms (${median(first).toFixed(1)} against ${median(firstDirect).toFixed(1)} ms)`,
        target: '<= 10 ms',
        outcome: outcomeOf(added <= 10),
      },
      {
        what: `the loop adds to each of ${steps} steps, without the tools`,
        value: `${median(perStep).toFixed(2)} ms`,
        target: '<= 1 ms',
        outcome: outcomeOf(median(perStep) <= 1),
      },
    ];
  } finally {
    await agent.close(0);
    await log.close();
    await store.close();
  }
}

/** A run is cancelled while its command, which ignores SIGTERM, works. */
async function cancelling(folder: string): Promise<BenchRow> {
  const workspace = join(folder, 'cancelled');
  mkdirSync(workspace);
  const store = await openSqliteStore({ path: join(folder, 'cancelled.db') });
  const log = createEventLog({ store });
  const agent = await createAgent({
    store,
    log,
    workspace,
    models: ['offline'],
    environment: { PATH: process.env.PATH },
    permissionMode: 'full',
  });
  try {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const prompt = "run trap '' TERM; echo $$ > started; while true; do sleep 0.05; done";
      const { run, result } = await agent.runs.start({ prompt, options: {}, requestId: 'bench' });
      result.catch(() => undefined);
      const started = join(workspace, 'started');
      while (!existsSync(started)) await wait(5);
      const startedAt = performance.now();
      await agent.runs.cancel(run.id);
      times.push(performance.now() - startedAt);
      rmSync(started);
    }
    const worst = Math.max(...times);
    return {
      what: 'a cancel ends the command of a run, even if it ignores SIGTERM',
      value: `${worst.toFixed(0)} ms`,
      target: '<= 1000 ms',
      outcome: outcomeOf(worst <= 1000),
    };
  } finally {
    await agent.close(0);
    await log.close();
    await store.close();
  }
}

function load(model: ModelProcess, name: string) {
  const custom = [{ name: 'bench', baseUrl: model.baseURL, apiKey: undefined, headers: {} }];
  return createModelLoader({ environment: {}, custom }).load(`bench/${name}`);
}

const user = (text: string) => ({ role: 'user' as const, content: [{ type: 'text' as const, text }] });

async function firstTokenDirect(model: ModelProcess): Promise<number> {
  const loaded = await load(model, 'quick');
  const startedAt = performance.now();
  let at = 0;
  await callModel({
    model: loaded,
    options: { prompt: [user('hello')] },
    onText: () => {
      at ||= performance.now();
    },
    signal: new AbortController().signal,
    silenceMs: 10_000,
  });
  return at - startedAt;
}

async function firstToken(agent: Agent, log: EventLog): Promise<number> {
  const stop = new AbortController();
  const items = log.subscribe({ deltas: true, signal: stop.signal });
  const startedAt = performance.now();
  const started = agent.runs.start({ prompt: 'hello', options: {}, requestId: 'bench' });
  let at = 0;
  for await (const item of items) {
    if (item.kind === 'delta') {
      at = performance.now();
      break;
    }
  }
  stop.abort();
  await (await started).result;
  return at - startedAt;
}

/** The baseline: the same model calls in sequence, with a conversation that grows in the same way. */
async function stepsDirect(model: ModelProcess): Promise<number> {
  const loaded = await load(model, `steps-${steps}`);
  const prompt: Parameters<typeof callModel>[0]['options']['prompt'] = [
    { role: 'system', content: 'x'.repeat(1200) },
    user('go'),
  ];
  const tools = [
    {
      type: 'function' as const,
      name: 'list_directory',
      description: 'Lists.',
      inputSchema: { type: 'object' as const },
    },
  ];
  const startedAt = performance.now();
  for (;;) {
    const answer = await callModel({
      model: loaded,
      options: { prompt, tools },
      onText: () => undefined,
      signal: new AbortController().signal,
      silenceMs: 10_000,
    });
    if (answer.calls.length === 0) return performance.now() - startedAt;
    prompt.push(
      {
        role: 'assistant',
        content: answer.calls.map(({ callId, tool }) => ({
          type: 'tool-call' as const,
          toolCallId: callId,
          toolName: tool,
          input: {},
        })),
      },
      {
        role: 'tool',
        content: answer.calls.map(({ callId, tool }) => ({
          type: 'tool-result' as const,
          toolCallId: callId,
          toolName: tool,
          output: { type: 'text' as const, value: '{"entries":[],"truncated":false}' },
        })),
      },
    );
  }
}

/** The time without that of the tools, as they report it. */
async function stepsOfRun(agent: Agent, log: EventLog): Promise<number> {
  const { last } = await log.bounds();
  const startedAt = performance.now();
  const { result } = await agent.runs.start({
    prompt: 'go',
    options: { model: `bench/steps-${steps}`, maxSteps: steps + 1 },
    requestId: 'bench',
  });
  await result;
  const whole = performance.now() - startedAt;
  const events = await log.read({ after: last, limit: 200, types: ['tool.complete'] });
  return events.reduce((left, { data }) => left - (data as { durationMs: number }).durationMs, whole);
}

/** Runs `codebuddy serve` in its own folder while `work` runs. */
async function withServer<T>(
  folder: string,
  name: string,
  model: ModelProcess,
  work: (client: CodeBuddyClient, key: string, pid: number | undefined) => Promise<T>,
): Promise<T> {
  const home = join(folder, `${name}-home`);
  const workspace = join(folder, `${name}-workspace`);
  for (const path of [join(home, 'api'), workspace]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const config = {
    models: ['bench/quick'],
    providers: { bench: { baseURL: model.baseURL } },
    maxActiveRuns: manyRuns,
  };
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify(config));
  const server = spawn(
    process.execPath,
    [program, 'serve', '--home', home, '--workspace', workspace, '--port', '0', '--json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CODEBUDDY_LOG_LEVEL: 'error', CODEBUDDY_MODEL: '' },
    },
  );
  try {
    await once(server.stdout, 'data');
    const client = new CodeBuddyClient({ home });
    try {
      return await work(client, readFileSync(join(home, 'api', 'api-key'), 'utf8').trim(), server.pid);
    } finally {
      client.close();
    }
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  }
}

function streaming(folder: string, model: ModelProcess): Promise<BenchRow> {
  return withServer(folder, 'stream', model, async (client, key) => {
    await streamed(client.url, key, 10_000);
    const rates: number[] = [];
    const direct: number[] = [];
    for (let i = 0; i < streamRounds; i++) {
      const ours = () => streamed(client.url, key, deltas).then((rate) => rates.push(rate));
      const bare = () => deltasDirect(model).then((rate) => direct.push(rate));
      // The second one always finds a warmer machine.
      for (const measure of i % 2 === 0 ? [ours, bare] : [bare, ours]) await measure();
    }
    const ratios = rates.map((rate, index) => rate / (direct[index] as number));
    const ratio = medianOf(ratios);
    return {
      what: `text deltas through SSE, of a run of ${whole(deltas)} / the model called directly`,
      value: `${ratio.toFixed(2)}x (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}; ${whole(medianOf(rates))} / s, direct ${whole(medianOf(direct))} / s)`,
      target: '>= 0.7x',
      outcome: outcomeOf(ratio >= 0.7),
    };
  });
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] as number;
}

function manyAtOnce(folder: string, model: ModelProcess): Promise<BenchRow> {
  return withServer(folder, 'many', model, async (client, _key, pid) => {
    const before = residentMb(pid);
    const runs = await Promise.all(
      Array.from({ length: manyRuns }, () =>
        client.runs.start({ prompt: 'hello', options: { model: 'bench/slow-4000' } }),
      ),
    );
    await wait(2500);
    const { activeRuns } = await client.status();
    let peak = residentMb(pid);
    for (const { id } of runs) {
      while ((await client.runs.get(id)).status !== 'completed') await wait(50);
      peak = Math.max(peak, residentMb(pid));
    }
    return {
      what: `${manyRuns} runs at once on a slow model (${activeRuns} active): resident`,
      value: `${whole(peak)} MB (before: ${whole(before)} MB)`,
      target: '<= 300 MB',
      outcome: outcomeOf(peak <= 300 && activeRuns === manyRuns),
    };
  });
}

/** Deltas of the model per second, from the first to the last byte of the answer. Messages may join several. */
function streamed(url: string, key: string, count: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ prompt: 'speak', options: { model: `bench/deltas-${count}` } });
    const post = request(
      `${url}/api/prompt`,
      {
        method: 'POST',
        agent: false,
        headers: { 'x-api-key': key, 'content-type': 'application/json', accept: 'text/event-stream' },
      },
      (response) => {
        let first = 0;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          first ||= performance.now();
          chunks.push(chunk);
        });
        response.on('end', () => {
          const seconds = (performance.now() - first) / 1000;
          const seen = deltasIn(Buffer.concat(chunks).toString('utf8'));
          if (seen === count) resolve(seen / seconds);
          else reject(new Error(`bench: ${seen} of ${count} deltas came`));
        });
      },
    );
    post.on('error', reject);
    post.end(body);
  });
}

/** The model's deltas in the messages of a stream; each is a word. */
function deltasIn(stream: string): number {
  let seen = 0;
  for (const message of stream.split('\n\n')) {
    if (!message.startsWith('event: message.delta\n')) continue;
    const { data } = JSON.parse(message.slice(message.indexOf('data: ') + 6)) as { data: { text: string } };
    seen += data.text.split(' w').length - 1;
  }
  return seen;
}

async function deltasDirect(model: ModelProcess): Promise<number> {
  const loaded = await load(model, `deltas-${deltas}`);
  let seen = 0;
  let first = 0;
  await callModel({
    model: loaded,
    options: { prompt: [user('speak')] },
    onText: () => {
      first ||= performance.now();
      seen++;
    },
    signal: new AbortController().signal,
    silenceMs: 30_000,
  });
  return seen / ((performance.now() - first) / 1000);
}

function residentMb(pid: number | undefined): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
}

if (import.meta.main) printRows((await run()).rows);
