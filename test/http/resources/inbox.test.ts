// The inbox: permissions, questions of the agent and tools of the caller that wait, also over restarts of the server.

import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import type { CodeBuddyApiError, InboxItem } from '../../../src/client/index.ts';
import { QuestionRequiredError } from '../../../src/client/index.ts';
import { type Replies, startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { waitFor } from '../../wait-for.ts';
import { startReceiver } from '../../webhooks/recording-receiver.ts';
import { type StartedApp, startApp } from '../start-app.ts';

const weather = {
  name: 'get_weather',
  description: 'The weather in a city.',
  schema: {
    type: 'object',
    properties: { city: { type: 'string', minLength: 2 } },
    required: ['city'],
    additionalProperties: false,
  },
};

async function startWithModel(replies: Replies, config: Readonly<Record<string, unknown>> = {}) {
  const model = await startModelServer(replies);
  const whole = { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } }, ...config };
  return { model, config: whole, started: await startApp({ config: whole }) };
}

const folderOf = ({ home }: StartedApp): string => dirname(home);

/** The first item that waits. */
function firstItem({ client }: StartedApp, runId: string): Promise<InboxItem> {
  return waitFor('an item in the inbox', async () => (await client.inbox.list({ runId })).items[0]);
}

async function problemOf(
  answering: Promise<unknown>,
): Promise<Pick<CodeBuddyApiError, 'status' | 'code' | 'errors'>> {
  const error = await answering.then(
    () => undefined,
    (reason: CodeBuddyApiError) => reason,
  );
  if (error === undefined) throw new Error('It was accepted.');
  return error;
}

const hasEnded = ({ client }: StartedApp, id: string) =>
  waitFor('the end of the run', async () => {
    const run = await client.runs.get(id);
    return ['completed', 'failed', 'cancelled', 'interrupted'].includes(run.status) ? run : undefined;
  });

test('the offline agent asks; the answer is checked, and ends the question for good', async () => {
  const { client } = await startApp();
  const receiver = await startReceiver();
  await client.webhooks.create({ name: 'all', url: receiver.url, events: ['question.*', 'tool.request'] });
  const answered = await client.prompt('ask Deploy now? [yes | no]', {
    async onQuestion({ id, question, choices, allowsText }) {
      expect({ question, choices, allowsText }).toEqual({
        question: 'Deploy now?',
        choices: ['yes', 'no'],
        allowsText: true,
      });
      expect(await problemOf(client.inbox.answer(id, { answer: ' ' }))).toMatchObject({
        status: 422,
        errors: [{ pointer: '/answer' }],
      });
      return 'no';
    },
  });
  expect(answered.response).toBe('You answered: no');
  const { events } = await client.events.list({ runId: answered.runId });
  expect(events.map(({ type }) => type)).toEqual([
    'session.start',
    'run.queued',
    'message.user',
    'question.asked',
    'question.answered',
    'tool.start',
    'tool.complete',
    'message.assistant',
    'run.complete',
  ]);
  const id = events.flatMap(({ data }) => ('questionId' in data ? [data.questionId] : []))[0] ?? '';
  expect(await problemOf(client.inbox.answer(id, { answer: 'yes' }))).toMatchObject({
    status: 409,
    code: 'question_resolved',
  });
  expect(await problemOf(client.inbox.answer('qst_x', { answer: 'yes' }))).toMatchObject({
    status: 404,
    code: 'question_not_found',
  });
  expect((await client.inbox.list()).items).toEqual([]);
  await receiver.received(2);
});

test('a prompt that waits is answered 202 with the question; without onQuestion, the client says so', async () => {
  const started = await startApp();
  const { client } = started;
  const asked = await client.prompt('ask Which port?').catch((error: unknown) => error);
  expect(asked).toBeInstanceOf(QuestionRequiredError);
  const { question } = asked as QuestionRequiredError;
  const { key } = await client.keys.create({ name: 'k', scopes: ['prompt'] });
  const response = await fetch(`${started.url}/api/prompt`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ prompt: 'ask Which host?' }),
  });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ status: 'waiting', question: { question: 'Which host?' } });
  const page = await client.inbox.list({ kind: 'question', limit: 1 });
  expect(page.items).toMatchObject([{ kind: 'question', question: { id: question.id } }]);
  const rest = await client.inbox.list({ kind: 'question', limit: 1, cursor: page.nextCursor ?? '' });
  expect(rest).toMatchObject({ items: [{ question: { question: 'Which host?' } }], nextCursor: null });
  await client.inbox.answer(question.id, { answer: '8080' });
  expect((await hasEnded(started, question.runId)).response).toBe('You answered: 8080');
});

test.each([
  ['permission', calls('bash', { command: 'echo hi > made.txt' })],
  ['question', calls('ask_user', { question: 'Which one?', choices: ['a', 'b'], allowsText: false })],
  ['tool_call', calls('get_weather', { city: 'Bern' })],
] as const)(
  'a %s survives two restarts with its id; then the run continues where it was',
  async (kind, call) => {
    const { model, config, started } = await startWithModel(
      ({ messages }) => (messages.at(-1)?.role === 'user' ? call : says('Done.')),
      { permissionMode: 'ask' },
    );
    const run = await started.client.runs.start({ prompt: 'go', tools: [weather] });
    const item = await firstItem(started, run.id);
    expect(item.kind).toBe(kind);
    await started.app.stop();
    const second = await startApp({ config, folder: folderOf(started) });
    await waitFor('the run to wait', async () => (await second.client.runs.get(run.id)).status === 'waiting');
    expect((await second.client.inbox.list()).items).toEqual([item]);
    await second.app.stop();
    const third = await startApp({ config, folder: folderOf(started) });
    const { client } = third;
    // At once: the run may not have asked again yet.
    if (item.kind === 'permission')
      await client.permissions.decide(item.permission.id, { decision: 'allow' });
    if (item.kind === 'question') {
      expect(await problemOf(client.inbox.answer(item.question.id, { answer: 'c' }))).toMatchObject({
        status: 422,
      });
      await client.inbox.answer(item.question.id, { answer: 'b' });
    }
    if (item.kind === 'tool_call')
      await client.inbox.giveResult(item.toolCall.id, { result: { celsius: 21 } });
    expect(await hasEnded(third, run.id)).toMatchObject({ status: 'completed', response: 'Done.' });
    // The model was called once before, and once after; it saw the answer.
    expect(model.requests).toHaveLength(2);
    const told = model.requests[1]?.messages.at(-1)?.toolResults[0]?.text ?? '';
    expect(told).toContain({ permission: 'exitCode', question: '"b"', tool_call: '21' }[kind]);
    const { events } = await client.events.list({ runId: run.id, limit: 200 });
    const types = events.map(({ type }) => type);
    const askType = {
      permission: 'permission.request',
      question: 'question.asked',
      tool_call: 'tool.request',
    }[kind];
    expect(types.filter((type) => type === askType)).toHaveLength(1);
    expect(types.filter((type) => type === 'tool.complete')).toHaveLength(1);
  },
);

test('a run that begins to wait while the server stops survives, too', async () => {
  const asks = Promise.withResolvers<void>();
  const { config, started } = await startWithModel(async ({ messages }) => {
    if (messages.at(-1)?.role !== 'user') return says('Done.');
    await asks.promise;
    return calls('ask_user', { question: 'Which one?' });
  });
  const { client } = started;
  const run = await client.runs.start({ prompt: 'go' });
  await waitFor('the run to work', async () => (await client.runs.get(run.id)).status === 'running');
  const stopping = started.app.stop();
  expect(started.app.server.isServerRunning()).toBe(false);
  asks.resolve();
  await stopping;
  const second = await startApp({ config, folder: folderOf(started) });
  const item = await firstItem(second, run.id);
  if (item.kind !== 'question') throw new Error(`${item.kind} waits`);
  await second.client.inbox.answer(item.question.id, { answer: 'this one' });
  expect(await hasEnded(second, run.id)).toMatchObject({ status: 'completed', response: 'Done.' });
});

test('without an answer in time, the run continues or fails, as the prompt says', async () => {
  const { started, model } = await startWithModel(({ messages }) =>
    messages.at(-1)?.role === 'user' ? calls('ask_user', { question: 'Which?' }) : says('On my own.'),
  );
  const { client } = started;
  const denied = await client.runs.start({ prompt: 'a', options: { permissionTimeoutMs: 1 } });
  expect(await hasEnded(started, denied.id)).toMatchObject({ status: 'completed', response: 'On my own.' });
  expect(model.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('Nobody answered in time');
  const failed = await client.runs.start({
    prompt: 'b',
    options: { permissionTimeoutMs: 1, onUnanswered: 'fail' },
  });
  expect(await hasEnded(started, failed.id)).toMatchObject({
    status: 'failed',
    error: { code: 'unanswered' },
  });
  const forever = await client.runs.start({ prompt: 'c', options: { permissionTimeoutMs: null } });
  expect(await firstItem(started, forever.id)).toMatchObject({ question: { expiresAt: null } });
  await client.runs.cancel(forever.id);
  expect((await client.inbox.list()).items).toEqual([]);
  const { events } = await client.events.list({ types: 'question.expired' });
  expect(events.map(({ data }) => data)).toMatchObject([
    { reason: 'nobody answered in time' },
    { reason: 'nobody answered in time' },
    { reason: 'the run has ended' },
  ]);
});

test('a tool of the caller runs in its callback; its error reaches the model', async () => {
  const { client } = await startApp();
  const seen: unknown[] = [];
  const tools = [
    {
      ...weather,
      run(params: Readonly<Record<string, unknown>>) {
        seen.push(params);
        if (params.city === 'Atlantis') throw new Error('no such city');
        return { celsius: 21 };
      },
    },
  ];
  const prompt = [
    'call get_weather {"city":"Bern"}',
    'call get_weather {"city":"Atlantis"}',
    'call get_weather {}',
  ];
  const { response, runId } = await client.prompt(prompt.join('\n'), { tools });
  expect(response.split('\n\n')).toEqual([
    '{"celsius":21}',
    'Failed: no such city',
    expect.stringContaining('Failed: get_weather: city'),
  ]);
  expect(seen).toEqual([{ city: 'Bern' }, { city: 'Atlantis' }]);
  const { events } = await client.events.list({ runId, types: 'tool.*' });
  expect(events.slice(0, 3)).toMatchObject([
    { type: 'tool.request', data: { tool: 'get_weather', params: { city: 'Bern' } } },
    { type: 'tool.start' },
    { type: 'tool.complete', data: { result: { celsius: 21 } } },
  ]);
  const id = events[0] && 'toolCallId' in events[0].data ? events[0].data.toolCallId : '';
  expect(await problemOf(client.inbox.giveResult(id, { result: 1 }))).toMatchObject({
    status: 409,
    code: 'tool_call_resolved',
  });
});

test('a call of a tool of the caller that nobody answers fails, and not the run', async () => {
  const { started, model } = await startWithModel(({ messages }) =>
    messages.at(-1)?.role === 'user' ? calls('get_weather', { city: 'Bern' }) : says('No idea.'),
  );
  const run = await started.client.runs.start({
    prompt: 'a',
    tools: [weather],
    options: { permissionTimeoutMs: 1, onUnanswered: 'fail' },
  });
  expect(await hasEnded(started, run.id)).toMatchObject({ status: 'completed', response: 'No idea.' });
  expect(model.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('get_weather in time');
});

test('bad tools are refused with their fields', async () => {
  const { client } = await startApp();
  const named = (name: string, schema: Record<string, unknown> = weather.schema) => ({
    ...weather,
    name,
    schema,
  });
  const tools = [
    named('bash'),
    named('ask_user'),
    named('a'),
    named('a'),
    named('b', { type: 'string' }),
    named('c', { type: 'object', properties: { x: { type: 'strin' } } }),
    named('d', { type: 'object', properties: { x: { type: 'string', pattern: '(a)\\1' } } }),
  ];
  const { status, errors } = await problemOf(client.runs.start({ prompt: 'help', tools }));
  expect(status).toBe(422);
  expect(errors.map(({ pointer }) => pointer)).toEqual([
    '/tools/0/name',
    '/tools/1/name',
    '/tools/3/name',
    '/tools/4/schema',
    '/tools/5/schema',
    '/tools/6/schema',
  ]);
  const bad = await problemOf(client.runs.start({ prompt: 'help', tools: [named('1 x')] }));
  expect(bad.errors).toMatchObject([{ pointer: '/tools/0/name' }]);
  const both = await problemOf(client.inbox.giveResult('tcl_x', { result: 1, error: 'x' }));
  expect(both.status).toBe(422);
});
