// A session is compacted on request: a model summarizes the older part of what models read.

import { expect, test } from 'vitest';
import { CodeBuddyApiError } from '../../../src/client/index.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { says } from '../../agent/start-model-agent.ts';
import { waitFor } from '../../wait-for.ts';
import { startApp } from '../start-app.ts';
import { byScripted, startScripted } from './start-scripted.ts';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) =>
      error instanceof CodeBuddyApiError ? `${error.status} ${error.code}` : String(error),
  );

test('the older part becomes a summary, the messages stay, and runs wait meanwhile', async () => {
  const gate = Promise.withResolvers<void>();
  const model = await startModelServer(async ({ system }, number) => {
    if (!system.startsWith('Summarize')) return says(`answer ${number}`);
    await gate.promise;
    return says('THE SUMMARY');
  });
  const providers = { local: { baseURL: `${model.url}/v1` } };
  const { client } = await startApp({ config: { watch: false, models: ['local/m'], providers } });
  const { sessionId } = await client.prompt(`Remember this. ${'It is long. '.repeat(500)}`);
  await client.prompt({ prompt: 'Second.', sessionId });
  await client.sessions.addMessage(sessionId, 'By the way.');
  const before = await client.sessions.messages(sessionId);
  const spent = (await client.sessions.get(sessionId)).usage.totalTokens;

  const compacting = client.sessions.compact(sessionId);
  await waitFor('the request for a summary', () => model.requests.length === 3);
  expect(await codeOf(client.sessions.compact(sessionId))).toBe('409 session_busy');
  expect((await client.sessions.get(sessionId)).status).toBe('running');
  const queued = await client.runs.start({ prompt: 'Third.', sessionId });
  expect(await codeOf(client.sessions.compact(sessionId))).toBe('409 session_busy');
  gate.resolve();
  const done = await compacting;
  expect(done).toMatchObject({ compacted: true, reason: null, summary: 'THE SUMMARY', model: 'local/m' });
  expect(done.summarized + done.kept).toBe(5);
  expect(done.tokensBefore).toBeGreaterThan(1000);
  expect(done.tokensAfter).toBeLessThan(200);

  await waitFor('the queued run', async () => (await client.runs.get(queued.id)).status === 'completed');
  const sent = model.requests[3]?.messages ?? [];
  expect(sent[0]?.text).toContain('THE SUMMARY');
  expect(sent.at(-1)?.text).toBe('By the way.\n\nThird.');
  expect(JSON.stringify(sent)).not.toContain('Remember this');
  const after = await client.sessions.messages(sessionId);
  expect(after.messages.slice(0, before.messages.length)).toEqual(before.messages);
  expect((await client.sessions.get(sessionId)).usage.totalTokens).toBe(spent + 30);
  const { events } = await client.events.list({ sessionId, type: 'session.compacted' });
  const { sessionId: _, compacted: __, reason: ___, summary: ____, ...figures } = done;
  expect(events.map(({ data }) => data)).toEqual([figures]);
});

test('what cannot be compacted says why', async () => {
  const { client } = await startScripted();
  const { sessionId } = await client.prompt('help');
  expect(await codeOf(client.sessions.compact(sessionId))).toBe('422 not_supported_by_agent');
  expect(await codeOf(client.sessions.compact(sessionId, { model: 'nothing' }))).toBe(
    '422 validation_failed',
  );
  const foreign = await client.prompt(byScripted);
  expect(await codeOf(client.sessions.compact(foreign.sessionId))).toBe('422 not_supported_by_agent');
  expect(await codeOf(client.sessions.compact('ses_none'))).toBe('404 session_not_found');
  const run = await client.runs.start({ prompt: 'run until [ -e go ]; do sleep 0.02; done', sessionId });
  expect(await codeOf(client.sessions.compact(sessionId))).toBe('409 session_busy');
  await client.runs.cancel(run.id);
});
