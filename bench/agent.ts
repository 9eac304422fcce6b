// Measures the overhead of the agent's loop over direct model calls, beside one durable commit; the throughput of
// streamed deltas; and the memory of 200 simultaneous runs. The model runs in its own process. The baseline calls it directly with the same package.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, createAgent } from '../src/agent/agent.ts';
import { callModel } from '../src/agent/models/model-call.ts';
import { createModelLoader } from '../src/agent/models/model-loader.ts';
import { CodeBuddyClient } from '../src/client/index.ts';
import type { EventLog } from '../src/events/event-log.ts';
import { createEventLog } from '../src/events/log.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import { meanCommitMs, openBareStore } from './bare-commit.ts';
import { type BenchResult, type BenchRow, printRows, rowOf, wholeText } from './bench-result.ts';
import { onDisk } from './disk-folder.ts';
import { type ModelProcess, startModelProcess } from './model-process.ts';
import { alternate, type Spread, spreadOf } from './rounds.ts';
import { residentMb, type Served, startServer } from './server-process.ts';

const warmUpRounds = 5;
const tokenRounds = 31;
const stepRounds = 7;
const deltaRounds = 5;
const steps = 50;
const commits = 200;
const deltas = 200_000;
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
  const bareStore = await openBareStore(join(folder, 'bare.db'));
  try {
    const token = (): Promise<number> => firstToken(agent, log);
    const tokenDirect = (): Promise<number> => firstTokenDirect(model);
    await alternate(warmUpRounds, token, tokenDirect);
    const first = await alternate(tokenRounds, token, tokenDirect);
    const addedToStep = async (): Promise<number> => {
      const direct = await stepsDirect(model);
      return ((await stepsOfRun(agent, log)) - direct) / (steps + 1);
    };
    const commit = async (): Promise<number> => meanCommitMs(bareStore, commits, { text: 'x'.repeat(1000) });
    await alternate(1, addedToStep, commit);
    const step = await alternate(stepRounds, addedToStep, commit);
    return [
      rowOf({
        what: 'first token of a prompt / of the model called directly',
        measured: first.ratio,
        seen: `${msText(first.ours)}, direct ${msText(first.bare)}`,
      }),
      rowOf({
        what: `what the loop adds to each of ${steps} steps, without the tools / one durable commit of 1 KB`,
        measured: step.ratio,
        target: { atMost: 3 },
        seen: `${msText(step.ours)}, a commit ${msText(step.bare)}`,
      }),
    ];
  } finally {
    bareStore.close();
    await agent.close(0);
    await log.close();
    await store.close();
  }
}

function msText({ median }: Spread): string {
  return `${median.toFixed(2)} ms`;
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
    const spread = spreadOf(times);
    return rowOf({
      what: 'a cancel ends the command of a run, even if it ignores SIGTERM',
      measured: spread,
      unit: 'ms',
      target: { atMost: 1000 },
    });
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
  work: (client: CodeBuddyClient, server: Served) => Promise<T>,
): Promise<T> {
  const own = join(folder, name);
  mkdirSync(own);
  const config = {
    models: ['bench/quick'],
    providers: { bench: { baseURL: model.baseURL } },
    maxActiveRuns: manyRuns,
    maxQueuedRunsPerKey: manyRuns,
  };
  const server = await startServer({ folder: own, config });
  const client = new CodeBuddyClient({ home: server.home });
  try {
    return await work(client, server);
  } finally {
    client.close();
    await server.stop();
  }
}

function streaming(folder: string, model: ModelProcess): Promise<BenchRow> {
  return withServer(folder, 'stream', model, async (_client, { url, apiKey }) => {
    await streamed(url, apiKey, 10_000);
    const { ours, bare, ratio } = await alternate(
      deltaRounds,
      () => streamed(url, apiKey, deltas),
      () => deltasDirect(model),
    );
    return rowOf({
      what: `small text deltas through SSE, of a run of ${wholeText(deltas)} / the model called directly`,
      measured: ratio,
      target: { atLeast: 0.7 },
      seen: `${wholeText(ours.median)} / s, direct ${wholeText(bare.median)} / s`,
      quote: 'Text deltas per second through server-sent events / the model called directly',
    });
  });
}

function manyAtOnce(folder: string, model: ModelProcess): Promise<BenchRow> {
  return withServer(folder, 'many', model, async (client, { pid }) => {
    const before = residentMb(pid);
    const runs = await Promise.all(
      Array.from({ length: manyRuns }, () =>
        client.runs.start({ prompt: 'hello', options: { model: 'bench/slow-4000' } }),
      ),
    );
    await wait(2500);
    const { activeRuns } = await client.status();
    if (activeRuns !== manyRuns) throw new Error(`bench: ${activeRuns} of ${manyRuns} runs are active`);
    let peak = residentMb(pid);
    for (const { id } of runs) {
      while ((await client.runs.get(id)).status !== 'completed') await wait(50);
      peak = Math.max(peak, residentMb(pid));
    }
    return rowOf({
      what: `resident memory with ${manyRuns} runs at once on a slow model`,
      measured: spreadOf([peak]),
      unit: 'MB',
      target: { atMost: 300 },
      seen: `before them ${wholeText(before)} MB`,
    });
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

if (import.meta.main) printRows((await run()).rows);
