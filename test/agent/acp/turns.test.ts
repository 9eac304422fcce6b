// What an agent says and does in a turn, as clients see it.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LoggedEvent } from '../../../src/contract/event.ts';
import { collectDeltas } from './collect-deltas.ts';
import type { Step } from './script.ts';
import { startAcp } from './start-acp.ts';

const typesOf = (events: readonly LoggedEvent[]): readonly string[] => events.map(({ type }) => type);
const dataOf = (events: readonly LoggedEvent[], type: string): readonly unknown[] =>
  events.filter((event) => event.type === type).map(({ data }) => data);

test('an agent answers a prompt, and its start shows on the stream', async () => {
  const acp = await startAcp();
  const deltas = collectDeltas(acp.log);
  const result = await acp.play([{ say: 'Hello, ' }, { say: 'world.' }]);
  expect(result).toMatchObject({ response: 'Hello, world.', model: 'scripted', finishReason: 'stop' });
  expect(result).toMatchObject({ usage: null, cost: null });
  const seen = await deltas.stop();
  expect(seen.filter(({ type }) => type === 'agent.status').map(({ data }) => data)).toEqual([
    { agent: 'scripted', status: 'starting', text: 'scripted is starting.' },
    { agent: 'scripted', status: 'opening_session', text: 'scripted opens the session.' },
    { agent: 'scripted', status: 'ready', text: 'scripted is ready.' },
  ]);
  expect(
    seen
      .filter(({ type }) => type === 'message.delta')
      .map(({ data }) => data.text)
      .join(''),
  ).toBe('Hello, world.');
  const events = await acp.events();
  expect(typesOf(events)).toEqual([
    'session.start',
    'run.queued',
    'message.user',
    'agent.session',
    'message.assistant',
    'run.complete',
  ]);
  expect(dataOf(events, 'agent.session')).toMatchObject([{ agent: 'scripted', replaced: false }]);
});

test('messages that the agent tells apart are separate paragraphs', async () => {
  const acp = await startAcp();
  const { response } = await acp.play([
    { say: 'One.', messageId: 'a' },
    { say: ' Still one.', messageId: 'a' },
    { say: 'Two.', messageId: 'b' },
  ]);
  expect(response).toBe('One. Still one.\n\nTwo.');
});

test('half a character is held until its other half comes', async () => {
  const acp = await startAcp();
  const { response } = await acp.play([{ say: 'a \ud83d' }, { say: '\ude00 b \ud83d' }, { say: 'c' }]);
  expect(response).toBe('a 😀 b \ufffdc');
});

test('thoughts are streamed and kept as reasoning', async () => {
  const acp = await startAcp();
  const deltas = collectDeltas(acp.log);
  const { sessionId } = await acp.play([{ think: 'Let me ' }, { think: 'see.' }, { say: 'Done.' }]);
  const seen = await deltas.stop();
  expect(
    seen
      .filter(({ type }) => type === 'reasoning.delta')
      .map(({ data }) => data.text)
      .join(''),
  ).toBe('Let me see.');
  const { items } = await acp.agent.sessions.messages(sessionId, { limit: 10 });
  expect(items.at(-1)).toMatchObject({ role: 'assistant', content: 'Done.', reasoning: 'Let me see.' });
});

test('a plan is an event when it changes, and stays with the session', async () => {
  const acp = await startAcp();
  const plan = (status: string): object => ({
    sessionUpdate: 'plan',
    entries: [{ content: 'Fix it', status, priority: 'high' }],
  });
  const { sessionId } = await acp.play([
    { update: plan('pending') },
    { update: plan('pending') },
    { update: { sessionUpdate: 'plan', entries: [{ content: 'Odd' }, 7] } },
    { update: plan('completed') },
    { say: 'ok' },
  ]);
  const entry = { content: 'Fix it', priority: 'high' };
  expect(dataOf(await acp.events(), 'plan.update')).toEqual([
    { entries: [{ ...entry, status: 'pending' }] },
    { entries: [{ content: 'Odd', status: 'pending', priority: 'medium' }] },
    { entries: [{ ...entry, status: 'completed' }] },
  ]);
  expect(await acp.agent.sessions.get(sessionId)).toMatchObject({
    plan: [{ ...entry, status: 'completed' }],
  });
});

test('a tool call is recorded with its output, and the text before it is a message', async () => {
  const acp = await startAcp();
  const deltas = collectDeltas(acp.log);
  const call = { toolCallId: 'c1' };
  const content = (text: string): object => ({
    content: [{ type: 'content', content: { type: 'text', text } }],
  });
  const { sessionId, response } = await acp.play(
    [
      { say: 'I run the tests.' },
      {
        update: {
          sessionUpdate: 'tool_call',
          ...call,
          title: 'Run tests',
          kind: 'execute',
          status: 'pending',
          rawInput: {},
        },
      },
      {
        update: {
          sessionUpdate: 'tool_call_update',
          ...call,
          rawInput: { command: ['/bin/bash', '-lc', 'npm test'] },
        },
      },
      {
        update: {
          sessionUpdate: 'tool_call_update',
          ...call,
          status: 'in_progress',
          ...content('1 passed\n'),
        },
      },
      { update: { sessionUpdate: 'tool_call_update', ...call, ...content('1 passed\n2 passed\n') } },
      { update: { sessionUpdate: 'tool_call_update', ...call, status: 'completed', rawInput: {} } },
      { say: 'All pass.' },
    ],
    { permissionMode: 'full' },
  );
  expect(response).toBe('All pass.');
  const events = await acp.events();
  expect(typesOf(events).slice(4)).toEqual([
    'message.assistant',
    'tool.start',
    'tool.complete',
    'message.assistant',
    'run.complete',
  ]);
  expect(dataOf(events, 'tool.start')).toMatchObject([{ tool: 'bash', params: { command: 'npm test' } }]);
  expect(dataOf(events, 'tool.complete')).toMatchObject([{ tool: 'bash', result: '1 passed\n2 passed\n' }]);
  const output = (await deltas.stop()).filter(({ type }) => type === 'tool.output');
  expect(output.map(({ data }) => data.text).join('')).toBe('1 passed\n2 passed\n');
  const { items } = await acp.agent.sessions.messages(sessionId, { limit: 10 });
  expect(items.map(({ role, content: text }) => [role, text]).slice(1)).toEqual([
    ['assistant', 'I run the tests.'],
    ['tool', '1 passed\n2 passed\n'],
    ['assistant', 'All pass.'],
  ]);
});

test('an update of a call that was never announced is taken, and a change shows as our own edit does', async () => {
  const acp = await startAcp();
  const file = join(acp.workspace, 'src', 'a.ts');
  const { sessionId } = await acp.play(
    [
      {
        update: {
          sessionUpdate: 'tool_call_update',
          toolCallId: 'never-announced',
          title: 'Edit',
          kind: 'edit',
          status: 'completed',
          content: [
            { type: 'diff', path: file, oldText: 'one', newText: 'two' },
            { type: 'diff', path: join(acp.workspace, 'b.ts'), oldText: null, newText: 'new' },
          ],
        },
      },
      { say: 'Changed.' },
    ],
    { permissionMode: 'full' },
  );
  const { items } = await acp.agent.sessions.messages(sessionId, { limit: 10 });
  expect(items.filter(({ role }) => role === 'tool').map(({ tool }) => tool)).toMatchObject([
    { name: 'edit_file', params: { path: 'src/a.ts', oldText: 'one', newText: 'two' }, isError: false },
    { name: 'write_file', params: { path: 'b.ts', content: 'new' }, isError: false },
  ]);
});

test('tools get the names of the built-in ones', async () => {
  const acp = await startAcp();
  const call = (toolCallId: string, more: object) => ({
    update: { sessionUpdate: 'tool_call', toolCallId, title: 'T', status: 'completed', ...more },
  });
  await acp.play(
    [
      call('1', { kind: 'read', locations: [{ path: join(acp.workspace, 'x.txt') }] }),
      call('2', { kind: 'search', rawInput: { pattern: 'TODO' } }),
      call('3', { kind: 'other', name: 'mcp__github__list_issues', rawInput: { state: 'open' } }),
      call('4', { kind: 'fetch', rawInput: { url: 'https://example.com' } }),
      call('5', { kind: 'delete', rawInput: { path: join(acp.workspace, 'gone.txt') } }),
      call('6', { kind: 'execute', title: 'some command' }),
      call('7', { kind: 'no such kind', rawInput: 7 }),
      { say: 'ok' },
    ],
    { permissionMode: 'full' },
  );
  expect(dataOf(await acp.events(), 'tool.start')).toMatchObject([
    { tool: 'read_file', params: { path: 'x.txt' } },
    { tool: 'search', params: { pattern: 'TODO', path: '.' } },
    { tool: 'github__list_issues', params: { state: 'open' } },
    { tool: 'fetch', params: { url: 'https://example.com' } },
    { tool: 'delete_file', params: { path: 'gone.txt' } },
    { tool: 'bash', params: { command: 'some command' } },
    { tool: 'other', params: { title: 'T' } },
  ]);
});

test('a failed call, and one without an end, are errors', async () => {
  const acp = await startAcp();
  const call = (toolCallId: string, more: object) => ({
    update: { sessionUpdate: 'tool_call', toolCallId, title: 'T', kind: 'execute', ...more },
  });
  await acp.play([
    call('1', {
      status: 'failed',
      rawInput: { command: 'false' },
      content: [{ type: 'content', content: { type: 'text', text: 'exit code 1' } }],
    }),
    call('2', { status: 'in_progress', rawInput: { command: 'sleep 9' } }),
    { say: 'ok' },
  ]);
  expect(dataOf(await acp.events(), 'tool.error')).toMatchObject([
    { tool: 'bash', code: 'tool_failed', message: 'exit code 1' },
    { tool: 'bash', code: 'tool_failed', message: 'The agent did not say how the call ended.' },
  ]);
});

test.for([
  ['end_turn', 'stop'],
  ['max_tokens', 'length'],
  ['max_turn_requests', 'max_steps'],
  ['refusal', 'content_filter'],
] as const)('the stop reason %s is the finish reason %s', async ([stop, finishReason]) => {
  const acp = await startAcp();
  expect(await acp.play([{ say: 'So.' }, { stop }])).toMatchObject({ response: 'So.', finishReason });
});

test('an empty answer is an error', async () => {
  const acp = await startAcp();
  await expect(acp.play([])).rejects.toMatchObject({ code: 'agent_unavailable' });
});

test('tokens and costs are booked to the run and the session', async () => {
  const acp = await startAcp();
  const cost = (amount: number) => ({
    update: { sessionUpdate: 'usage_update', used: 1000, size: 200_000, cost: { amount, currency: 'USD' } },
  });
  const usage = {
    inputTokens: 10,
    outputTokens: 5,
    cachedReadTokens: 100,
    thoughtTokens: 1,
    totalTokens: 116,
  };
  const first = await acp.play([cost(0.25), cost(0.75), { say: 'a' }, { usage }]);
  expect(first).toMatchObject({
    cost: 0.75,
    usage: { inputTokens: 110, outputTokens: 6, totalTokens: 116 },
  });
  // The agent's count continues in the next turn.
  const second = await acp.play([cost(1), { say: 'b' }], {}, first.sessionId);
  expect(second).toMatchObject({ cost: 0.25 });
  expect(await acp.agent.sessions.get(first.sessionId)).toMatchObject({
    cost: 1,
    usage: { totalTokens: 116 },
  });
  expect(acp.agent.runs.stats().spending).toMatchObject([{ model: 'scripted', cost: 1 }]);
});

test('tokens are counted as Gemini CLI and Qwen Code report them, too', async () => {
  const acp = await startAcp();
  const token_count = { input_tokens: 20, output_tokens: 4 };
  const gemini = await acp.play([{ say: 'a' }, { meta: { quota: { token_count } } }]);
  expect(gemini.usage).toEqual({ inputTokens: 20, outputTokens: 4, totalTokens: 24 });

  const chunk = (inputTokens: number): Step => ({
    update: {
      sessionUpdate: 'agent_message_chunk',
      content: { type: 'text', text: '' },
      _meta: { usage: { inputTokens, outputTokens: 5, totalTokens: inputTokens + 5 } },
    },
  });
  const qwen = await acp.play([{ say: 'a' }, chunk(10), chunk(30)]);
  expect(qwen.usage).toEqual({ inputTokens: 40, outputTokens: 10, totalTokens: 50 });
  const stopped = await acp.play([chunk(10), { say: 'I begin.' }, chunk(30), { hang: true }], {
    maxTokens: 50,
  });
  expect(stopped).toMatchObject({ response: 'I begin.', finishReason: 'token_limit' });
});

test('a budget ends the turn', async () => {
  const acp = await startAcp({ costLimits: { run: 0.5 } });
  const update = {
    sessionUpdate: 'usage_update',
    used: 10,
    size: 100,
    cost: { amount: 0.5, currency: 'USD' },
  };
  const result = await acp.play([{ say: 'I begin.' }, { update }, { hang: true }]);
  expect(result).toMatchObject({ response: 'I begin.', finishReason: 'cost_limit', cost: 0.5 });
  expect(acp.received('cancel')).toHaveLength(1);
});

test('options.model chooses the model, and the next run gets the own one of the session back', async () => {
  const acp = await startAcp({ behaviour: { models: ['small', 'large'] } });
  const first = await acp.play([{ sayModel: true }]);
  expect(first).toMatchObject({ response: 'small', model: 'small' });
  const { sessionId } = first;
  expect(await acp.play([{ sayModel: true }], { model: 'large' }, sessionId)).toMatchObject({
    model: 'large',
  });
  expect(await acp.play([{ sayModel: true }], {}, sessionId)).toMatchObject({ response: 'small' });
  await expect(acp.play([{ say: '' }], { model: 'huge' }, sessionId)).rejects.toMatchObject({
    code: 'not_supported_by_agent',
    errors: [{ pointer: '/options/model' }],
  });
});

test('what the agent cannot apply is refused', async () => {
  const acp = await startAcp();
  await expect(acp.play([{ say: 'x' }], { model: 'any' })).rejects.toMatchObject({
    code: 'not_supported_by_agent',
  });
  await expect(acp.play([{ say: 'x' }], { maxSteps: 3 })).rejects.toMatchObject({
    code: 'not_supported_by_agent',
    errors: [{ pointer: '/options/maxSteps' }],
  });
});
