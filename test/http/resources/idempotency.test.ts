import { writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RestApiServer } from '../../../src/api/rest-server.ts';
import { makeAnswerMemory } from '../../../src/http/pipeline/idempotency-memory.ts';
import { waitFor } from '../../wait-for.ts';
import { apiKey, startServerWithStore, type TestResponse } from '../start-server-with-store.ts';
import { openReader } from '../streaming/sse-reader.ts';

const key = { 'idempotency-key': 'one' };

test('the same key and body get the first answer again, and nothing is created twice', async () => {
  const { get, send } = await startServerWithStore();
  const first = await send('POST', '/api/sessions', { title: 'once' }, key);
  expect(first.headers.has('idempotency-replayed')).toBe(false);
  const again = await send('POST', '/api/sessions', { title: 'once' }, key);
  expect(again.status).toBe(201);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.headers.get('location')).toBe(first.headers.get('location'));
  expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect(await again.text()).toBe(await first.text());
  expect((await (await get('/api/sessions')).json()).sessions).toHaveLength(1);
});

test('the same key with another body is a conflict', async () => {
  const { send } = await startServerWithStore();
  await send('POST', '/api/sessions', { title: 'once' }, key);
  const other = await send('POST', '/api/sessions', { title: 'twice' }, key);
  expect(other.status).toBe(409);
  expect(await other.json()).toMatchObject({ code: 'idempotency_conflict' });
  const elsewhere = await send('POST', '/api/prompt', { prompt: 'help' }, key);
  expect(elsewhere.status).toBe(409);
});

test('the first answer is kept across a restart', async () => {
  const server = await startServerWithStore();
  const first = await (await server.send('POST', '/api/sessions', { title: 'once' }, key)).text();
  await server.stop();
  const restarted = await startServerWithStore({ folder: server.folder });
  const again = await restarted.send('POST', '/api/sessions', { title: 'once' }, key);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(await again.text()).toBe(first);
});

test('a second request during the first is a conflict', async () => {
  const { send, folder } = await startServerWithStore();
  const ask = () => send('POST', '/api/prompt', { prompt: 'run until [ -e go ]; do sleep 0.02; done' }, key);
  const answers: TestResponse[] = [];
  const asking = Array.from({ length: 8 }, async () => void answers.push(await ask()));
  await waitFor('the conflicts', () => answers.length === 7);
  writeFileSync(join(folder, 'workspace', 'go'), '');
  await Promise.all(asking);
  expect(answers.map(({ status }) => status)).toEqual([409, 409, 409, 409, 409, 409, 409, 200]);
  const [refused] = answers;
  expect(refused?.headers.get('retry-after')).toBe('1');
  expect(await refused?.json()).toMatchObject({ code: 'idempotency_in_progress' });
  const later = await ask();
  expect(later.headers.get('idempotency-replayed')).toBe('true');
});

test('a key belongs to the caller that sent it', async () => {
  const { url, send } = await startServerWithStore();
  const { key: otherKey } = await (await send('POST', '/api/keys', { name: 'x', scopes: ['prompt'] })).json();
  const first = await (await send('POST', '/api/sessions', { title: 'once' }, key)).json();
  const response: TestResponse = await fetch(`${url}/api/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${otherKey}`, 'content-type': 'application/json', ...key },
    body: JSON.stringify({ title: 'once' }),
  });
  expect(response.status).toBe(201);
  expect((await response.json()).id).not.toBe(first.id);
});

test.each([['x'.repeat(256)], ['é'], [' ']])('the key %j is refused, or accepted safely', async (value) => {
  const { send } = await startServerWithStore();
  const response = await send('POST', '/api/sessions', { title: 'x' }, { 'idempotency-key': value });
  // White space around a header's value is not part of it, so a blank one is an empty one.
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ errors: [{ in: 'header', pointer: '/idempotency-key' }] });
});

test('the error of a tool is returned again; an invalid body may be corrected', async () => {
  const { send } = await startServerWithStore();
  const body = { path: 'absent.txt' };
  const first = await send('POST', '/api/tools/read_file', body, key);
  const again = await send('POST', '/api/tools/read_file', body, key);
  expect(first.status).toBeGreaterThanOrEqual(400);
  expect(again.status).toBe(first.status);
  if (again.headers.get('idempotency-replayed') === 'true') {
    expect(again.headers.get('content-type')).toBe('application/problem+json');
    expect(await again.text()).toBe(await first.text());
  }
  const misfit = { 'idempotency-key': 'two' };
  expect((await send('POST', '/api/prompt', { prompt: 1 }, misfit)).status).toBe(422);
  expect((await send('POST', '/api/prompt', { prompt: 'help' }, misfit)).status).toBe(200);
});

test('an internal error is not stored: the next attempt runs again', async () => {
  let calls = 0;
  const server = new RestApiServer({ port: 0 });
  server.onPrompt = () => {
    calls++;
    if (calls === 1) throw new Error('first time');
    return 'well';
  };
  const { url } = await server.start();
  try {
    const ask = (): Promise<Response> =>
      fetch(`${url}/api/prompt`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...key },
        body: '{"prompt":"x"}',
      });
    expect((await ask()).status).toBe(500);
    const second = await ask();
    expect(second.status).toBe(200);
    const third = await ask();
    // No store was given, so this answer comes from memory.
    expect(third.headers.get('idempotency-replayed')).toBe('true');
    expect(await third.text()).toBe(await second.text());
    expect(calls).toBe(2);
  } finally {
    await server.stop();
  }
});

test('a client that left gets its answer when it returns with its key', async () => {
  let calls = 0;
  let leaveUnanswered = true;
  const server = new RestApiServer({ port: 0 });
  server.onPrompt = (_prompt, _options, { signal }) => {
    calls++;
    if (!leaveUnanswered) return 'here it is';
    return new Promise<string>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  };
  const { url } = await server.start();
  try {
    const body = '{"prompt":"x"}';
    const headers = { 'content-type': 'application/json', ...key };
    const lost = httpRequest(`${url}/api/prompt`, { method: 'POST', headers });
    lost.on('error', () => undefined);
    lost.end(body);
    await waitFor('the handler is called', () => calls === 1);
    leaveUnanswered = false;
    lost.destroy();
    let answer: Response | undefined;
    await waitFor('the first request has ended', async () => {
      answer = await fetch(`${url}/api/prompt`, { method: 'POST', headers, body });
      return answer.status !== 409;
    });
    expect(answer?.status).toBe(200);
    expect(calls).toBe(2);
  } finally {
    await server.stop();
  }
});

test('a stream is not stored, and its key may be reused when it ends', async () => {
  const { url, send } = await startServerWithStore();
  const body = JSON.stringify({ prompt: 'help' });
  const response = await fetch(`${url}/api/prompt`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...key,
    },
    body,
  });
  expect(await response.text()).toContain('event: run.complete');
  let status = 409;
  await waitFor('the key is free', async () => {
    status = (await send('POST', '/api/prompt', { prompt: 'help' }, key)).status;
    return status !== 409;
  });
  expect(status).toBe(200);
  // The server still streams as before.
  await (await openReader(`${url}/api/events?after=0`)).take(1);
});

test('answers in memory expire after a day, or when there are too many', async () => {
  let now = 0;
  const memory = makeAnswerMemory(() => now);
  const answer = { fingerprint: 'f', status: 200, headers: {}, body: 'x' };
  for (let index = 0; index < 1001; index++) await memory.put(String(index), answer);
  expect(await memory.get('0')).toBeUndefined();
  expect(await memory.get('1')).toEqual({ kind: 'answer', ...answer });
  for (let index = 0; index < 3; index++) await memory.put('big', { ...answer, body: 'y'.repeat(9_000_000) });
  expect(await memory.get('1000')).toEqual({ kind: 'answer', ...answer });
  await memory.put('bigger', { ...answer, body: 'y'.repeat(9_000_000) });
  expect(await memory.get('big')).toBeUndefined();
  now = 24 * 60 * 60 * 1000;
  expect(await memory.get('bigger')).toBeUndefined();
});
