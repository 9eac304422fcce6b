// Runs on several nodes of one database: each works on the node that accepted it, and every node can see and control
// it.

import { expect, test } from 'vitest';
import { ApiError } from '../../src/client/index.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { waitFor } from '../wait-for.ts';
import { createGate, declareDead, eventTypes, hasStatus, startNodes } from './start-nodes.ts';

const codeOf = (error: unknown): string => (error instanceof ApiError ? error.code : String(error));
const failure = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'no error', codeOf);

test('a run is seen, followed and cancelled from another node', async () => {
  const { first, second } = await startNodes({ kind: 'answer', text: ['Hello ', 'world'], silentAfter: 2 });
  const run = await first.client.runs.start({ prompt: 'hi' });
  await hasStatus(second.client, run.id, 'running');
  const text: string[] = [];
  const seen: string[] = [];
  const followed = (async () => {
    for await (const event of second.client.runs.events(run.id, { deltas: true })) {
      seen.push(event.type);
      if (event.type === 'message.delta') text.push(event.data.text);
    }
  })();
  const ofAll = (async () => {
    for await (const { type } of second.client.events.stream({ after: 0, types: ['run.*'] }))
      if (type === 'run.cancelled') return type;
    return undefined;
  })();
  await waitFor('the other node to follow', () => seen.includes('message.user'));
  expect((await second.client.sessions.get(run.sessionId)).status).toBe('running');
  expect((await second.client.runs.list({ status: 'running' })).runs.map(({ id }) => id)).toEqual([run.id]);
  expect(await failure(second.client.sessions.delete(run.sessionId))).toBe('session_busy');

  expect(await second.client.runs.cancel(run.id)).toMatchObject({ id: run.id, status: 'cancelled' });
  await followed;
  expect(await ofAll).toBe('run.cancelled');
  expect(seen.filter((type) => type !== 'message.delta')).toEqual(await eventTypes(first.client, run.id));
  expect((await first.client.runs.get(run.id)).status).toBe('cancelled');
  expect(await failure(second.client.runs.cancel(run.id))).toBe('run_ended');
  expect((await second.client.sessions.get(run.sessionId)).status).toBe('idle');
  await second.client.sessions.delete(run.sessionId);
  expect(await failure(first.client.runs.get(run.id))).toBe('run_not_found');
});

test('the reasoning and the text of a run are streamed on another node while they are written', async () => {
  const pieces = Array.from({ length: 40 }, (_, n) => `${n} `);
  let reasoning = '';
  let text = '';
  // The first node learns of the reader soon. Until the reader gets text, there is another step.
  const { first, second } = await startNodes(() =>
    text === ''
      ? { ...calls('list_directory', {}, 'Wait. '), delayMs: 50 }
      : { kind: 'answer', reasoning: 'I count.', text: pieces },
  );
  const run = await first.client.runs.start({ prompt: 'count', options: { maxSteps: 1000 } });
  for await (const event of second.client.runs.events(run.id, { deltas: true })) {
    if (event.type === 'reasoning.delta') reasoning += event.data.text;
    if (event.type === 'message.delta') text += event.data.text;
  }
  expect(reasoning).toBe('I count.');
  expect(text.replace(/^(Wait\. )+/, '')).toBe(pieces.join(''));
  expect((await second.client.runs.get(run.id)).response).toBe(pieces.join(''));
});

test('a message to a run is taken on another node, with the answer of its owner', async () => {
  const gate = createGate();
  const { first, second, model } = await startNodes(async (_, number) => {
    if (number === 1) await gate.opened;
    return says(`answer ${number}`);
  });
  const run = await first.client.runs.start({ prompt: 'hi' });
  await waitFor('the first step', () => model.requests.length === 1);
  expect(await failure(second.client.runs.steer(run.id, { text: 'a', expectedStep: 7 }))).toBe(
    'step_mismatch',
  );
  const steered = await second.client.runs.steer(run.id, 'One more thing.');
  expect(steered).toMatchObject({ runId: run.id, sessionId: run.sessionId, step: 1 });
  gate.open();
  await hasStatus(second.client, run.id, 'completed');
  expect(model.requests[1]?.messages.at(-1)?.text).toBe('One more thing.');
  expect(await eventTypes(second.client, run.id)).toContain('run.steered');
  expect(await failure(second.client.runs.steer(run.id, 'late'))).toBe('run_ended');
});

test('pages of permissions skip none while others are decided, and read no runs', async () => {
  const { first, second, sql } = await startNodes(({ messages }) =>
    messages.at(-1)?.role === 'user' ? calls('bash', { command: 'true', timeoutMs: 5000 }) : says('Done.'),
  );
  const runs: string[] = [];
  for (const { client } of [first, second, first]) {
    const { id } = await client.runs.start({ prompt: 'go' });
    await hasStatus(second.client, id, 'waiting');
    runs.push(id);
  }
  // A list that read runs would fail at this one.
  await sql(`UPDATE runs SET details = '{' WHERE id = '${runs[2]}'`);
  const page = await second.client.permissions.list({ limit: 1 });
  expect(page.permissions.map(({ runId }) => runId)).toEqual([runs[0]]);
  await second.client.permissions.decide(page.permissions[0]?.id ?? '', { decision: 'deny' });
  const cursor = page.nextCursor ?? '';
  const rest = await first.client.permissions.list({ limit: 2, cursor });
  expect(rest.permissions.map(({ runId }) => runId)).toEqual(runs.slice(1));
  expect(rest.nextCursor).toBeNull();
});

test('a permission is listed and decided on another node', async () => {
  const { first, second } = await startNodes(({ messages }) =>
    messages.at(-1)?.role === 'user' ? calls('bash', { command: 'true', timeoutMs: 5000 }) : says('Done.'),
  );
  const run = await first.client.runs.start({ prompt: 'go' });
  await hasStatus(second.client, run.id, 'waiting');
  const { permissions } = await second.client.permissions.list();
  expect(permissions).toMatchObject([
    { runId: run.id, tool: 'bash', params: { command: 'true' }, status: 'pending' },
  ]);
  expect(permissions).toEqual((await first.client.permissions.list()).permissions);
  expect((await second.client.permissions.list({ runId: run.id })).permissions).toHaveLength(1);
  expect((await second.client.permissions.list({ sessionId: 'ses_other' })).permissions).toEqual([]);
  const id = permissions[0]?.id ?? '';
  expect(await second.client.permissions.decide(id, { decision: 'allow' })).toMatchObject({
    id,
    status: 'allowed',
  });
  await hasStatus(second.client, run.id, 'completed');
  expect((await second.client.permissions.list()).permissions).toEqual([]);
  for (const { client } of [first, second]) {
    expect(await failure(client.permissions.decide(id, { decision: 'deny' }))).toBe('permission_resolved');
    expect(await failure(client.permissions.decide('prm_none', { decision: 'deny' }))).toBe(
      'permission_not_found',
    );
  }
});

test('two permissions of one step are decided on two nodes', async () => {
  const { first, second } = await startNodes(({ messages }) =>
    messages.at(-1)?.role === 'user'
      ? {
          kind: 'answer',
          toolCalls: ['a', 'b'].map((name) => ({
            name: 'write_file',
            arguments: { path: `${name}.txt`, content: name },
          })),
        }
      : says('Done.'),
  );
  const run = await second.client.runs.start({ prompt: 'go' });
  for (const { client } of [first, second]) {
    const [permission] = await waitFor('a permission', async () => {
      const { permissions } = await first.client.permissions.list();
      return permissions.length > 0 && permissions;
    });
    await client.permissions.decide(permission?.id ?? '', { decision: 'allow' });
  }
  await waitFor('the end', async () => {
    const { permissions } = await first.client.permissions.list();
    for (const { id } of permissions) await first.client.permissions.decide(id, { decision: 'allow' });
    return (await first.client.runs.get(run.id)).status === 'completed';
  });
});

test('the runs of one session take turns over all nodes, in the order of their prompts', async () => {
  const gate = createGate();
  let active = 0;
  let most = 0;
  const { first, second, model } = await startNodes(async ({ messages }) => {
    most = Math.max(most, ++active);
    if (messages.length === 1) await gate.opened;
    active--;
    return says(`Answer to ${messages.at(-1)?.text}`);
  });
  const one = await first.client.runs.start({ prompt: 'one' });
  const { sessionId } = one;
  await hasStatus(second.client, one.id, 'running');
  const two = await second.client.runs.start({ prompt: 'two', sessionId });
  const three = await first.client.runs.start({ prompt: 'three', sessionId });
  const four = await second.client.runs.start({ prompt: 'four', sessionId });
  expect((await first.client.runs.get(two.id)).status).toBe('queued');
  gate.open();
  await hasStatus(first.client, four.id, 'completed');
  const { events } = await first.client.events.list({ sessionId, limit: 200 });
  const of = (type: string) => events.filter((event) => event.type === type).map(({ runId }) => runId);
  expect(of('run.complete')).toEqual([one.id, two.id, three.id, four.id]);
  const positions = events.flatMap((event) => (event.type === 'run.queued' ? [event.data.position] : []));
  expect(positions).toEqual([0, 1, 2, 3]);
  expect(most).toBe(1);
  expect(model.requests.map(({ messages }) => messages.filter(({ role }) => role === 'user').length)).toEqual(
    [1, 2, 3, 4],
  );
  expect(model.requests.at(-1)?.messages.map(({ text }) => text)).toEqual([
    'one',
    'Answer to one',
    'two',
    'Answer to two',
    'three',
    'Answer to three',
    'four',
  ]);
});

test('a failed run is resumed on another node, by one of two that try', async () => {
  const { first, second, model } = await startNodes({ kind: 'error', status: 401 });
  const run = await first.client.runs.start({ prompt: 'hi' });
  await hasStatus(second.client, run.id, 'failed');
  model.reply(says('Done.'));
  const tries = await Promise.allSettled([
    first.client.runs.resume(run.id),
    second.client.runs.resume(run.id),
  ]);
  const refused = tries.filter((one) => one.status === 'rejected');
  expect(refused).toHaveLength(1);
  expect(codeOf(refused[0]?.reason)).toBe('run_not_resumable');
  await hasStatus(first.client, run.id, 'completed');
  expect((await eventTypes(second.client, run.id)).filter((type) => type === 'run.queued')).toHaveLength(2);
  expect(await failure(second.client.runs.resume(run.id))).toBe('run_not_resumable');
});

test('the runs of a node that stops are interrupted, and resumed on another', async () => {
  const { first, second, model } = await startNodes({ kind: 'silence' });
  const run = await first.client.runs.start({ prompt: 'hi' });
  await hasStatus(second.client, run.id, 'running');
  await first.app.stop();
  await hasStatus(second.client, run.id, 'interrupted');
  model.reply(says('Done.'));
  await second.client.runs.resume(run.id);
  await hasStatus(second.client, run.id, 'completed');
});

test('a node that was declared dead stops its runs and writes nothing of them; another one interrupts them, or goes on waiting', async () => {
  const nodes = await startNodes(({ messages }) =>
    messages[0]?.text === 'ask' ? calls('ask_user', { question: 'Which?' }) : { kind: 'silence' },
  );
  const { first, second, model } = nodes;
  const working = await first.client.runs.start({ prompt: 'work' });
  const asking = await first.client.runs.start({ prompt: 'ask' });
  const queued = await first.client.runs.start({ prompt: 'later', sessionId: working.sessionId });
  const answer = failure(first.client.prompt({ prompt: 'work' }));
  await hasStatus(second.client, working.id, 'running');
  await hasStatus(second.client, asking.id, 'waiting');
  await waitFor('all model calls', () => model.requests.length === 3);
  const { items } = await second.client.inbox.list();
  expect(items).toMatchObject([{ kind: 'question', question: { question: 'Which?' } }]);
  await declareDead(nodes, first, second);
  for (const { id } of [working, queued]) await hasStatus(second.client, id, 'interrupted');
  // The client follows the log, which has the end that the other node recorded.
  expect(await answer).toBe('shutting_down');
  await waitFor(
    'the model calls to be aborted',
    () => model.requests.filter((request) => request.isClosed()).length >= 2,
  );
  await waitFor('the node to join again', async () =>
    (await second.client.nodes.list()).nodes.every(({ alive }) => alive),
  );
  for (const { client } of [first, second]) expect((await client.inbox.list()).items).toEqual(items);
  for (const { id } of [working, queued]) {
    const types = await eventTypes(second.client, id);
    expect(types.filter((type) => type.startsWith('run.'))).toEqual(['run.queued', 'run.failed']);
    expect(types.at(-1)).toBe('run.failed');
    expect((await first.client.runs.get(id)).status).toBe('interrupted');
  }
  // It continues with new work, and with the old work.
  model.reply(says('Done.'));
  expect((await first.client.prompt({ prompt: 'again' })).response).toBe('Done.');
  const question = items[0]?.kind === 'question' ? items[0].question.id : '';
  await waitFor('the answer on the node that no longer has the run', async () => {
    const { status } = await first.client.inbox.answer(question, { answer: 'this' });
    return status === 'answered';
  });
  await hasStatus(second.client, asking.id, 'completed');
});
