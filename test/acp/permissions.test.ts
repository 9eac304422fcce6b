// `codebuddy acp` with a scripted model: permissions, edits, cancellation, and the ends of a turn.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { methods } from '@agentclientprotocol/sdk/unstable';
import { expect, onTestFinished, test } from 'vitest';
import { CodeBuddyClient } from '../../src/client/index.ts';
import type { ModelAnswer, Replies } from '../agent/model-server-types.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { serveModel } from '../cli/model-home.ts';
import { waitFor } from '../wait-for.ts';
import { type AnswerPermission, newSession, prompt, startEditor } from './start-acp.ts';

const writes = calls('write_file', { path: 'b.txt', content: 'new' });
const answers =
  (optionId: string): AnswerPermission =>
  async () => ({ outcome: { outcome: 'selected', optionId } });
/** An editor in which nobody answers. */
const never: AnswerPermission = () => new Promise(() => undefined);

async function startModelEditor(replies: Replies, onPermission?: AnswerPermission) {
  const { home, workspace, model, server } = await serveModel(replies);
  const editor = await startEditor(home, onPermission === undefined ? {} : { onPermission });
  const client = new CodeBuddyClient({ home });
  onTestFinished(() => client.close());
  return { home, workspace, model, server, editor, client, sessionId: await newSession(editor, workspace) };
}

test('the editor is asked, and "allow" lets the call run', async () => {
  const { workspace, editor, sessionId } = await startModelEditor([writes, says('done')], answers('allow'));
  const path = join(workspace, 'b.txt');
  const diff = { type: 'diff', path, oldText: null, newText: 'new' };
  expect(await prompt(editor, sessionId, 'go')).toMatchObject({ stopReason: 'end_turn' });
  expect(readFileSync(path, 'utf8')).toBe('new');
  const [question] = editor.permissions;
  expect(question).toMatchObject({
    sessionId,
    toolCall: {
      title: 'Write b.txt',
      kind: 'edit',
      status: 'pending',
      locations: [{ path }],
      content: [diff],
    },
    options: [
      { optionId: 'allow', kind: 'allow_once' },
      { optionId: 'allow_always', kind: 'allow_always', name: expect.stringContaining('b.txt') },
      { optionId: 'deny', kind: 'reject_once' },
    ],
  });
  // One call from the question to its end.
  const id = question?.toolCall.toolCallId;
  expect(editor.of('tool_call')).toMatchObject([{ toolCallId: id, status: 'pending', content: [diff] }]);
  expect(editor.of('tool_call_update')).toMatchObject([
    { toolCallId: id, status: 'in_progress' },
    { toolCallId: id, status: 'completed' },
  ]);
});

test('"allow always" asks once for the session', async () => {
  const { editor, client, sessionId } = await startModelEditor(
    [writes, writes, says('done')],
    answers('allow_always'),
  );
  await prompt(editor, sessionId, 'go');
  expect(editor.permissions).toHaveLength(1);
  const { events } = await client.events.list({ sessionId, type: 'permission.resolved' });
  expect(events).toMatchObject([{ data: { decision: 'allow_always' } }]);
  expect(editor.of('tool_call_update').filter(({ status }) => status === 'completed')).toHaveLength(2);
});

test.each([
  ['"deny"', answers('deny'), undefined],
  [
    'a dismissed question',
    async () => ({ outcome: { outcome: 'cancelled' as const } }),
    'dismissed in the editor',
  ],
  ['an unknown answer', answers('maybe'), 'the editor gave an unknown answer: maybe'],
  [
    'an editor that cannot ask',
    () => Promise.reject(new Error('no window')),
    'the editor could not ask: Internal error',
  ],
] as const)('%s denies the call, and the turn continues', async (_name, onPermission, reason) => {
  const { workspace, model, editor, client, sessionId } = await startModelEditor(
    [writes, says('I did not write it.')],
    onPermission as AnswerPermission,
  );
  expect(await prompt(editor, sessionId, 'go')).toMatchObject({ stopReason: 'end_turn' });
  expect(editor.text()).toBe('I did not write it.');
  expect(existsSync(join(workspace, 'b.txt'))).toBe(false);
  const [question] = editor.permissions;
  expect(editor.of('tool_call_update').at(-1)).toMatchObject({
    toolCallId: question?.toolCall.toolCallId,
    status: 'failed',
    rawOutput: { code: 'permission_denied' },
  });
  expect(model.requests[1]?.messages.at(-1)?.toolResults[0]?.text).toContain('was not run');
  const { events } = await client.events.list({ sessionId, type: 'permission.resolved' });
  expect(events).toMatchObject([{ data: { decision: 'deny', ...(reason === undefined ? {} : { reason }) } }]);
});

test.each(['allow', 'deny'] as const)(
  'a question that is answered elsewhere is closed: %s',
  async (decision) => {
    let closed = false;
    const { editor, client, workspace, sessionId } = await startModelEditor(
      [writes, says('done')],
      (_request, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            closed = true;
            // An editor that answers late anyway.
            resolve({ outcome: { outcome: 'selected', optionId: decision === 'allow' ? 'deny' : 'allow' } });
          });
        }),
    );
    const answer = prompt(editor, sessionId, 'go');
    const pending = await waitFor(
      'the question',
      async () => (await client.permissions.list({ sessionId })).permissions[0],
    );
    await waitFor('the editor to be asked', () => editor.permissions.length === 1);
    await client.permissions.decide(pending.id, { decision });
    expect(await answer).toMatchObject({ stopReason: 'end_turn' });
    await waitFor('the question to be closed', () => closed);
    expect(existsSync(join(workspace, 'b.txt'))).toBe(decision === 'allow');
    const { events } = await client.events.list({ sessionId, type: 'permission.resolved' });
    expect(events).toHaveLength(1);
  },
);

test('the mode of the session decides what is asked', async () => {
  const { editor, workspace, sessionId } = await startModelEditor([writes, says('done')], never);
  await editor.agent.request(methods.agent.session.setMode, { sessionId, modeId: 'auto-edit' });
  await prompt(editor, sessionId, 'go');
  expect(editor.permissions).toEqual([]);
  expect(readFileSync(join(workspace, 'b.txt'), 'utf8')).toBe('new');
});

test('the question about a file that exists shows the difference', async () => {
  const { editor, workspace, sessionId } = await startModelEditor([writes, says('done')], answers('allow'));
  writeFileSync(join(workspace, 'b.txt'), 'old');
  await prompt(editor, sessionId, 'go');
  expect(editor.permissions[0]?.toolCall.content).toMatchObject([{ oldText: 'old', newText: 'new' }]);
});

test('the output of a command is shown while it runs', async () => {
  const { editor, workspace, sessionId } = await startModelEditor(
    [
      calls('bash', { command: 'echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended' }),
      says('done'),
    ],
    answers('allow'),
  );
  const answer = prompt(editor, sessionId, 'go');
  const shown = () =>
    JSON.stringify(editor.of('tool_call_update').filter(({ status }) => status === undefined));
  await waitFor('the first output', () => shown().includes('begun'), shown);
  writeFileSync(join(workspace, 'go'), '');
  expect(await answer).toMatchObject({ stopReason: 'end_turn' });
  expect(editor.of('tool_call_update').at(-1)).toMatchObject({
    status: 'completed',
    content: [{ content: { text: '```\nbegun\nended\n```' } }],
  });
});

test('cancelling ends a turn that waits for a permission, and its question', async () => {
  let closed = false;
  const { editor, client, sessionId } = await startModelEditor([writes, says('done')], (_request, signal) => {
    signal.addEventListener('abort', () => {
      closed = true;
    });
    return new Promise(() => undefined);
  });
  const answer = prompt(editor, sessionId, 'go');
  await waitFor('the question', () => editor.permissions.length === 1);
  await editor.agent.notify(methods.agent.session.cancel, { sessionId });
  expect(await answer).toMatchObject({ stopReason: 'cancelled' });
  await waitFor('the question to be closed', () => closed);
  expect(editor.of('tool_call_update').at(-1)).toMatchObject({ status: 'failed' });
  expect((await client.runs.list({ sessionId })).runs).toMatchObject([{ status: 'cancelled' }]);
});

test('cancelling ends a turn whose model is silent, and the next prompt works', async () => {
  const begins: ModelAnswer = { kind: 'answer', text: ['I begin', '.'], silentAfter: 1 };
  const { editor, client, sessionId } = await startModelEditor([begins, says('hello')]);
  const answer = prompt(editor, sessionId, 'go');
  await waitFor('the beginning of the answer', () => editor.text() === 'I begin');
  await editor.agent.notify(methods.agent.session.cancel, { sessionId });
  expect(await answer).toMatchObject({ stopReason: 'cancelled' });
  expect((await client.runs.list({ sessionId })).runs).toMatchObject([{ status: 'cancelled' }]);
  expect(await prompt(editor, sessionId, 'again')).toMatchObject({ stopReason: 'end_turn' });
  expect(editor.text()).toBe('I beginhello');
});

test('cancelling at once leaves no run behind', async () => {
  const { editor, client, sessionId } = await startModelEditor({ kind: 'silence' });
  const answer = prompt(editor, sessionId, 'go');
  await editor.agent.notify(methods.agent.session.cancel, { sessionId });
  expect(await answer).toMatchObject({ stopReason: 'cancelled' });
  // It has sent all its requests by then.
  expect(await editor.leave()).toBe(0);
  await waitFor('the run to end', async () =>
    (await client.runs.list({ sessionId })).runs.every(({ status }) => status === 'cancelled'),
  );
});

test('a run that is cancelled elsewhere ends the turn as cancelled', async () => {
  const { editor, client, model, sessionId } = await startModelEditor({ kind: 'silence' });
  const answer = prompt(editor, sessionId, 'go');
  await waitFor('the request to the model', () => model.requests.length === 1);
  const { runs } = await client.runs.list({ sessionId });
  await client.runs.cancel(runs[0]?.id ?? '');
  expect(await answer).toMatchObject({ stopReason: 'cancelled' });
});

test('reasoning is shown as thoughts, and again when the session is loaded', async () => {
  const { editor, workspace, sessionId } = await startModelEditor({
    kind: 'answer',
    text: 'four',
    reasoning: 'two and two',
  });
  await prompt(editor, sessionId, 'go');
  const thoughts = () =>
    editor.of('agent_thought_chunk').map(({ content }) => (content.type === 'text' ? content.text : ''));
  expect(thoughts().join('')).toBe('two and two');
  expect(editor.text()).toBe('four');
  const before = thoughts().length;
  await editor.agent.request(methods.agent.session.load, { sessionId, cwd: workspace, mcpServers: [] });
  expect(thoughts().slice(before)).toEqual(['two and two']);
});

test('the answer has the tokens and the cost of the run', async () => {
  const reply: ModelAnswer = { kind: 'answer', text: 'hi', usage: { input: 30, output: 12 } };
  const { editor, sessionId } = await startModelEditor(reply);
  const answer = await prompt(editor, sessionId, 'go');
  expect(answer).toMatchObject({
    stopReason: 'end_turn',
    usage: { inputTokens: 30, outputTokens: 12, totalTokens: 42 },
    _meta: { codebuddy: { model: 'local/m', finishReason: 'stop' } },
  });
});

test.each([
  ['length', 'max_tokens'],
  ['content_filter', 'refusal'],
] as const)('a model that stops with %s ends the turn with %s', async (finish, stopReason) => {
  const { editor, sessionId } = await startModelEditor({ kind: 'answer', text: 'half', finish });
  expect(await prompt(editor, sessionId, 'go')).toMatchObject({ stopReason });
});

test('a model that fails is an error that names the run', async () => {
  const { editor, client, sessionId } = await startModelEditor({
    kind: 'error',
    status: 401,
    message: 'no such key',
  });
  const error = await prompt(editor, sessionId, 'go').catch((reason: unknown) => reason);
  const { runs } = await client.runs.list({ sessionId });
  expect(error).toMatchObject({
    code: -32603,
    message: runs[0]?.error?.message,
    data: { code: 'model_auth_failed', runId: runs[0]?.id },
  });
});

test('sessions work at the same time, and their updates do not mix', async () => {
  const echo: Replies = ({ messages }) => says(`You said ${messages.at(-1)?.text}.`);
  const { editor, workspace } = await startModelEditor(echo);
  const ids = await Promise.all(Array.from({ length: 8 }, () => newSession(editor, workspace)));
  await Promise.all(ids.map((id, index) => prompt(editor, id, `number ${index}`)));
  for (const [index, id] of ids.entries()) expect(editor.text(id)).toBe(`You said number ${index}.`);
});
