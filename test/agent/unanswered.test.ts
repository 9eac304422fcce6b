// Items of the inbox whose time ends while the server is down, and times longer than setTimeout can wait. The clock is
// injected.

import { dirname } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { UnansweredAction } from '../../src/contract/answer-time.ts';
import type { InboxItem } from '../../src/contract/inbox.ts';
import { contentOf } from '../../src/contract/inbox.ts';
import type { CallerTool } from '../../src/contract/tool-call.ts';
import { waitFor } from '../wait-for.ts';
import type { ModelReply } from './model-server.ts';
import { startAgent } from './start-agent.ts';
import { calls, says, startModelAgent } from './start-model-agent.ts';

const day = 86_400_000;
const began = Date.parse('2026-05-04T10:00:00Z');

const weather: CallerTool = {
  name: 'get_weather',
  description: 'The weather.',
  schema: { type: 'object', properties: {} },
};
const replyTo: Readonly<Record<InboxItem['kind'], ModelReply>> = {
  permission: calls('bash', { command: 'echo no > made.txt' }),
  question: calls('ask_user', { question: 'Which?' }),
  tool_call: calls('get_weather', {}),
};

test('an item that expires while the server is down ends as the prompt says, once, with its events', async () => {
  let clock = began;
  const options = { permissionMode: 'ask' as const, now: () => clock };
  const first = await startModelAgent(
    ({ messages }) => replyTo[messages.at(-1)?.text as InboxItem['kind']] ?? says('On my own.'),
    options,
  );
  const folder = dirname(first.databasePath);
  const cases: readonly (readonly [InboxItem['kind'], UnansweredAction])[] = [
    ['permission', 'deny'],
    ['permission', 'fail'],
    ['question', 'deny'],
    ['question', 'fail'],
    ['tool_call', 'deny'],
    ['tool_call', 'fail'],
  ];
  const runs: { readonly id: string; readonly item: InboxItem }[] = [];
  for (const [kind, onUnanswered] of cases) {
    const { run, result, waits } = await first.agent.runs.start({
      prompt: kind,
      tools: [weather],
      options: { permissionTimeoutMs: 35 * day, onUnanswered },
      requestId: 'r',
    });
    result.catch(() => undefined);
    runs.push({ id: run.id, item: await waits });
  }
  await first.stop();

  const start = () =>
    startAgent({
      ...options,
      folder,
      models: ['local/test-model'],
      providers: { local: { baseURL: `${first.server.url}/v1` } },
      environment: { PATH: process.env.PATH },
    });
  // Not yet: it waits on, and is still answerable.
  clock += 34 * day;
  const second = await start();
  for (const { id } of runs)
    await waitFor('the run to wait', async () => (await second.agent.runs.get(id))?.status === 'waiting');
  expect((await second.agent.inbox.list({ limit: 50 })).items.map((item) => contentOf(item).id)).toEqual(
    runs.map(({ item }) => contentOf(item).id),
  );
  await second.stop();

  clock += 2 * day;
  const third = await start();
  // Before the runs have asked again: it is too late.
  const tooLate = await Promise.all(
    runs.map(({ item }) => {
      const { id } = contentOf(item);
      const answering =
        item.kind === 'permission'
          ? third.agent.inbox.answer(id, { kind: 'permission', value: { decision: 'allow' } })
          : item.kind === 'question'
            ? third.agent.inbox.answer(id, { kind: 'question', value: { answer: 'late' } })
            : third.agent.inbox.answer(id, { kind: 'tool_call', value: { result: 'late' } });
      return answering.then(
        () => 'answered',
        (error: { readonly code: string }) => error.code,
      );
    }),
  );
  expect(tooLate).toEqual(runs.map(({ item }) => `${item.kind}_resolved`));
  const endOf = (id: string) =>
    waitFor(`run ${id} to end`, async () => {
      const run = await third.agent.runs.get(id);
      return run?.endedAt === null ? undefined : run;
    });
  for (const [index, [kind, onUnanswered]] of cases.entries()) {
    const { id = '' } = runs[index] ?? {};
    const run = await endOf(id);
    const fails = onUnanswered === 'fail' && kind !== 'tool_call';
    expect([run?.status, run?.error?.code ?? null, run?.response]).toEqual(
      fails ? ['failed', 'unanswered', null] : ['completed', null, 'On my own.'],
    );
    const events = await third.log.read({ runId: id, limit: 100 });
    const types = events.map(({ type }) => type).filter((type) => !type.startsWith('message.'));
    const asked = { permission: 'permission.request', question: 'question.asked', tool_call: 'tool.request' };
    const ended = { permission: ['permission.resolved'], question: ['question.expired'], tool_call: [] };
    const told = kind === 'permission' ? ['tool.error'] : ['tool.start', 'tool.error'];
    expect(types).toEqual([
      ...['session.start', 'run.queued', asked[kind], ...ended[kind]],
      ...(fails ? ['run.failed'] : [...told, 'run.complete']),
    ]);
    for (const { type, data } of events)
      if (type === 'permission.resolved' || type === 'question.expired')
        expect(data).toMatchObject({ reason: 'nobody answered in time' });
  }
  expect((await third.agent.inbox.list({ limit: 50 })).items).toEqual([]);
  const count = (await third.log.read({ limit: 200 })).length;
  await third.stop();
  // Nothing is left for another start.
  const fourth = await start();
  expect((await fourth.log.read({ limit: 200 })).length).toBe(count);
});

test('an item with a time of more than 24.8 days waits that long by the clock, also if the machine slept', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
  try {
    let clock = began;
    const { agent } = await startModelAgent(replyTo.question, {
      permissionTimeoutMs: 40 * day,
      onUnanswered: 'fail',
      now: () => clock,
    });
    const { run, result, waits } = await agent.runs.start({ prompt: 'x', options: {}, requestId: 'r' });
    const ended = result.then(
      () => 'completed',
      (error: { readonly code: string }) => error.code,
    );
    expect(contentOf(await waits).expiresAt).toBe(new Date(began + 40 * day).toISOString());
    clock += 39 * day;
    await vi.advanceTimersByTimeAsync(61_000);
    expect((await agent.runs.get(run.id))?.status).toBe('waiting');
    // Timers stand still while a machine sleeps.
    clock += day;
    await vi.advanceTimersByTimeAsync(61_000);
    expect(await ended).toBe('unanswered');
  } finally {
    vi.useRealTimers();
  }
});
