// Messages besides prompts: to a run while it works, and to a session without a run.

import { expect, test } from 'vitest';
import { CodeBuddyApiError } from '../../../src/client/index.ts';
import { script } from '../../agent/acp/script.ts';
import type { DecideReply } from '../../agent/model-server.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { waitFor } from '../../wait-for.ts';
import { type StartAppOptions, type StartedApp, startApp } from '../start-app.ts';
import { byScripted, startScripted } from './start-scripted.ts';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) =>
      error instanceof CodeBuddyApiError ? `${error.status} ${error.code}` : String(error),
  );

/** A server whose model answers a request when the test lets it: `answer(1)` lets it answer the first one. */
async function startHeld(decide: DecideReply, options: StartAppOptions = {}) {
  const gates = new Map<number, PromiseWithResolvers<void>>();
  const gateOf = (number: number): PromiseWithResolvers<void> => {
    const gate = gates.get(number) ?? Promise.withResolvers<void>();
    gates.set(number, gate);
    return gate;
  };
  const model = await startModelServer(async (request, number) => {
    await gateOf(number).promise;
    return decide(request, number);
  });
  const config = { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } };
  const app = await startApp({ config: { watch: false, permissionMode: 'full', ...config }, ...options });
  return {
    app,
    client: app.client,
    model,
    config,
    answer: (number: number) => gateOf(number).resolve(),
    asked: (number: number) => waitFor(`request ${number}`, () => model.requests.length >= number),
  };
}

const ended = ({ client }: Pick<StartedApp, 'client'>, id: string) =>
  waitFor('the run to end', async () => {
    const run = await client.runs.get(id);
    return run.endedAt !== null && run;
  });

test('a run sees the messages that came in while it worked before its next step, in order', async () => {
  const { client, model, answer, asked } = await startHeld((_, number) =>
    number === 1 ? calls('list_directory', {}) : says(`answer ${number}`),
  );
  const run = await client.runs.start('Look around.');
  await asked(1);
  expect((await client.runs.get(run.id)).step).toBe(1);
  expect(await codeOf(client.runs.steer(run.id, ' '))).toBe('422 validation_failed');
  expect(await codeOf(client.runs.steer(run.id, { text: 'a', expectedStep: 2 }))).toBe('409 step_mismatch');
  const first = await client.runs.steer(
    run.id,
    { text: 'Be brief.', expectedStep: 1 },
    { idempotencyKey: 'k' },
  );
  const again = await client.runs.steer(
    run.id,
    { text: 'Be brief.', expectedStep: 1 },
    { idempotencyKey: 'k' },
  );
  expect(again).toEqual(first);
  expect(first).toMatchObject({ runId: run.id, sessionId: run.sessionId, step: 1 });
  await client.runs.steer(run.id, 'Use no tools.');
  answer(1);
  await asked(2);
  const seen = model.requests[1]?.messages ?? [];
  expect(seen.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
  expect(seen.at(-1)?.text).toBe('Be brief.\n\nUse no tools.');

  // The model is giving its final answer: the run makes one more step.
  await client.runs.steer(run.id, 'One more thing.');
  answer(2);
  await asked(3);
  expect(model.requests[2]?.messages.slice(-2).map(({ role, text }) => [role, text])).toEqual([
    ['assistant', 'answer 2'],
    ['user', 'One more thing.'],
  ]);
  answer(3);
  expect(await ended({ client }, run.id)).toMatchObject({
    status: 'completed',
    response: 'answer 3',
    step: 3,
  });
  expect(await codeOf(client.runs.steer(run.id, 'late'))).toBe('409 run_ended');

  const { messages } = await client.sessions.messages(run.sessionId);
  expect(messages.filter(({ role }) => role === 'user').map(({ content, via }) => [content, via])).toEqual([
    ['Look around.', undefined],
    ['Be brief.', 'steer'],
    ['Use no tools.', 'steer'],
    ['One more thing.', 'steer'],
  ]);
  const { events } = await client.events.list({ runId: run.id, limit: 200 });
  expect(events.filter(({ type }) => type === 'run.steered').map(({ data }) => data)).toEqual([
    { messageId: first.messageId, step: 2 },
    { messageId: expect.stringMatching('msg_'), step: 2 },
    { messageId: expect.stringMatching('msg_'), step: 3 },
  ]);
  // A later run sends the same bytes again.
  answer(4);
  await client.prompt({ prompt: 'Next.', sessionId: run.sessionId });
  const sent = model.requests[2]?.messages ?? [];
  expect(model.requests[3]?.messages.slice(0, sent.length)).toEqual(sent);
});

test('a message that a run could not see is seen by the next one', async () => {
  const { client, model, answer, asked } = await startHeld(() => says('done'));
  const run = await client.runs.start({ prompt: 'One step.', options: { maxSteps: 1 } });
  await asked(1);
  await client.runs.steer(run.id, 'And the tests?');
  answer(1);
  await ended({ client }, run.id);
  answer(2);
  await client.prompt({ prompt: 'Go on.', sessionId: run.sessionId });
  expect(model.requests[1]?.messages.map(({ role, text }) => [role, text])).toEqual([
    ['user', 'One step.'],
    ['assistant', 'done'],
    ['user', 'And the tests?\n\nGo on.'],
  ]);
});

test('messages to a session wait for its next run', async () => {
  const { client, model, answer, asked } = await startHeld((_, number) => says(`answer ${number}`));
  const { id } = await client.sessions.create({});
  expect(await client.sessions.addMessage(id, 'The deploy has failed.')).toMatchObject({
    role: 'user',
    runId: null,
    via: 'inject',
  });
  await client.sessions.addMessage(id, 'It was retried.');
  const run = await client.runs.start({ prompt: 'What now?', sessionId: id });
  await asked(1);
  expect(model.requests[0]?.messages.map(({ text }) => text)).toEqual([
    'The deploy has failed.\n\nIt was retried.\n\nWhat now?',
  ]);
  await client.sessions.addMessage(id, 'It works.');
  answer(1);
  await ended({ client }, run.id);
  answer(2);
  await client.prompt({ prompt: 'And now?', sessionId: id });
  expect(model.requests[1]?.messages.map(({ text }) => text).slice(1)).toEqual([
    'answer 1',
    'It works.\n\nAnd now?',
  ]);
  expect(await codeOf(client.sessions.addMessage('ses_none', 'x'))).toBe('404 session_not_found');
  const { events } = await client.events.list({ sessionId: id, type: 'message.user' });
  expect(events.map(({ data }) => (data as { via?: string }).via)).toEqual([
    'inject',
    'inject',
    undefined,
    'inject',
    undefined,
  ]);
});

test('an agent that takes only prompts says so', async () => {
  const { client } = await startScripted({}, {});
  const prompt = script({ waitFor: '/nothing/is/here' });
  const run = await client.runs.start({ ...byScripted, prompt });
  expect(await codeOf(client.runs.steer(run.id, 'x'))).toBe('422 not_supported_by_agent');
  expect(await codeOf(client.sessions.addMessage(run.sessionId, 'x'))).toBe('422 not_supported_by_agent');
  await client.runs.cancel(run.id);
});
