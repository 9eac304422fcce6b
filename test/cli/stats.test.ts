// `codebuddy stats` on the real program.

import { expect, onTestFinished, test } from 'vitest';
import { percentile } from '../../src/cli/stats-deliveries.ts';
import { CodeBuddyClient } from '../../src/client/index.ts';
import { startModelServer } from '../agent/model-server.ts';
import type { ModelReply } from '../agent/model-server-types.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { serveModel } from './model-home.ts';
import { run, serve, temporaryFolder } from './run-cli.ts';

interface Stats {
  readonly since: string;
  readonly runs: Readonly<Record<string, number>>;
  readonly usage: readonly Readonly<Record<string, unknown>>[];
  readonly total: Readonly<Record<string, number>>;
  readonly deliveries: Readonly<Record<string, { readonly count: number; readonly p95Ms: number | null }>>;
}

async function stats(home: string, args: readonly string[] = []): Promise<Stats> {
  const { code, stdout, stderr } = await run(home, ['stats', '--json', ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Stats;
}

function clientOf(home: string): CodeBuddyClient {
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  return client;
}

const today = (): string => new Date().toISOString().slice(0, 10);
const none = { completed: 0, failed: 0, cancelled: 0, interrupted: 0 };

/** Answers, or fails or waits if the prompt says so. */
function reply({ text }: { readonly text: string }): ModelReply {
  if (text.includes('wait')) return { kind: 'silence' };
  if (text.includes('fail')) return { kind: 'error', status: 401 };
  return { kind: 'answer', text: 'Done.', usage: { input: 100, output: 20 } };
}

test('runs by outcome, and their tokens and cost by day and model', async () => {
  const { home } = await serveModel(({ messages }) => reply({ text: messages.at(-1)?.text ?? '' }));
  const client = clientOf(home);
  const day = today();
  await client.prompt('one');
  await client.prompt('two');
  await client.prompt({ prompt: 'list *.md', options: { model: 'offline' } });
  await client.prompt('fail').catch(() => undefined);
  const waiting = await client.runs.start('wait');
  await client.runs.cancel(waiting.id);
  const found = await stats(home);
  expect(found.runs).toEqual({ ...none, completed: 3, failed: 1, cancelled: 1 });
  // The test may run at midnight.
  if (today() !== day) return;
  expect(found.usage).toContainEqual({
    ...{ day, model: 'offline', runs: 1, inputTokens: 0, outputTokens: 0, cost: 0, runsWithoutCost: 0 },
  });
  const local = found.usage.find(({ model }) => model === 'local/m');
  expect(local).toMatchObject({ day, inputTokens: 200, outputTokens: 40, cost: 0, runsWithoutCost: 2 });
  expect(found.total).toMatchObject({ runs: 5, inputTokens: 200, outputTokens: 40, runsWithoutCost: 2 });

  const { stdout } = await run(home, ['stats']);
  expect(stdout).toMatch(/^RUNS +COUNT\ncompleted +3\nfailed +1\ncancelled +1\ninterrupted +0\n/m);
  expect(stdout).toMatch(new RegExp(`^${day}  local/m +\\d +200 +40 +\\$0\\.0000$`, 'm'));
  expect(stdout).toMatch(/^total +5 +200 +40 +\$0\.0000$/m);
  expect(stdout).toContain('The cost of 2 runs is not known');
});

test('costs are added up for each model', async () => {
  const model = await startModelServer(() => reply({ text: '' }));
  const home = temporaryFolder();
  await serve(home, [], {
    CODEBUDDY_MODEL: 'openai/gpt-4o',
    OPENAI_API_KEY: 'sk-test',
    OPENAI_BASE_URL: `${model.url}/v1`,
  });
  const client = clientOf(home);
  const [first, second] = [await client.prompt('one'), await client.prompt('two')];
  expect(first.cost).toBeGreaterThan(0);
  const { total, usage } = await stats(home);
  expect(total.cost).toBeCloseTo((first.cost ?? 0) + (second.cost ?? 0), 9);
  expect(total).toMatchObject({ runs: 2, inputTokens: 200, outputTokens: 40, runsWithoutCost: 0 });
  for (const row of usage) expect(row.model).toMatch(/^openai\/gpt-4o/);
  const { stdout } = await run(home, ['stats']);
  expect(stdout).toContain(`$${total.cost?.toFixed(4)}`);
});

test('the runs of a deleted session count, and those before --since do not', async () => {
  const { home } = await serveModel(() => reply({ text: '' }));
  const client = clientOf(home);
  const first = await client.prompt('one');
  await client.sessions.delete(first.sessionId);
  expect((await stats(home)).total).toMatchObject({ runs: 1, inputTokens: 100 });
  const second = await client.prompt('two');
  const [asked] = (await client.events.list({ runId: second.runId, limit: 1 })).events;
  const since = asked?.timestamp ?? '';
  expect(await stats(home, ['--since', since])).toMatchObject({ since, runs: { ...none, completed: 1 } });
  expect((await stats(home, ['--since', '1h'])).runs).toEqual({ ...none, completed: 2 });
  expect((await stats(home, ['--since', '2999-01-01'])).runs).toEqual(none);
});

test('the tokens of a run that failed count, and a resumed run counts once', async () => {
  let isBroken = true;
  const { home } = await serveModel(({ body }) => {
    const hasRead = JSON.stringify(body).includes('tool_call_id');
    if (!hasRead)
      return {
        kind: 'answer',
        toolCalls: [{ name: 'glob', arguments: { pattern: '*.md' } }],
        usage: { input: 10, output: 5 },
      };
    if (isBroken) return { kind: 'error', status: 401 };
    return { kind: 'answer', text: 'Done.', usage: { input: 30, output: 7 } };
  });
  const client = clientOf(home);
  const { id } = await client.runs.start('look');
  await waitFor('the failure', async () => (await client.runs.get(id)).status === 'failed');
  const failed = await stats(home);
  expect(failed.runs).toEqual({ ...none, failed: 1 });
  expect(failed.total).toMatchObject({ runs: 1, inputTokens: 10, outputTokens: 5 });
  isBroken = false;
  await client.runs.resume(id);
  await waitFor('the end', async () => (await client.runs.get(id)).status === 'completed');
  const { usage } = await client.runs.get(id);
  const resumed = await stats(home);
  expect(resumed.runs).toEqual({ ...none, completed: 1 });
  expect(resumed.total).toMatchObject({ runs: 1, inputTokens: usage?.inputTokens });
});

test('all pages are read', async () => {
  const home = temporaryFolder();
  await serve(home);
  const client = clientOf(home);
  for (let count = 0; count < 201; count++) await client.prompt('list *.md');
  expect((await stats(home)).runs).toEqual({ ...none, completed: 201 });
});

test('deliveries by outcome, with the 95th percentile of their duration', async () => {
  const home = temporaryFolder();
  await serve(home);
  const client = clientOf(home);
  const receiver = await startReceiver();
  receiver.answer(({ path }, response) => response.writeHead(path === '/bad' ? 500 : 204).end());
  for (const path of ['good', 'bad'])
    await client.webhooks.create({
      url: `http://127.0.0.1:${receiver.port}/${path}`,
      events: ['run.complete'],
      retryCount: 0,
    });
  await client.prompt('list *.md');
  await waitFor('both deliveries to end', async () => {
    const { deliveries } = await client.deliveries.list();
    return deliveries.length === 2 && deliveries.every(({ endedAt }) => endedAt !== null);
  });
  const { deliveries } = await stats(home);
  expect(deliveries).toEqual({
    pending: { count: 0, p95Ms: null },
    success: { count: 1, p95Ms: expect.any(Number) },
    failed: { count: 1, p95Ms: expect.any(Number) },
    cancelled: { count: 0, p95Ms: null },
  });
  const { stdout } = await run(home, ['stats']);
  expect(stdout).toMatch(
    /^DELIVERIES +COUNT +P95\npending +0 +-\nsuccess +1 +[\d.]+ m?s\nfailed +1 +[\d.]+ m?s$/m,
  );
});

test('a percentile is a value of the list', () => {
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => last - index);
  expect(percentile([], 0.95)).toBeNull();
  expect(percentile([7], 0.95)).toBe(7);
  expect(percentile(upTo(20), 0.95)).toBe(19);
  expect(percentile(upTo(100), 0.95)).toBe(95);
  expect(percentile(upTo(101), 0.95)).toBe(96);
});

test('--since is checked before the request', async () => {
  const { code, stderr } = await run(temporaryFolder(), ['stats', '--since', 'yesterday']);
  expect(code).toBe(2);
  expect(stderr).toContain('--since must be a date');
});
