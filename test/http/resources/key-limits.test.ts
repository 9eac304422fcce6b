// The limits of keys: requests and prompts per minute, over a real socket, with a clock that the test moves.

import { expect, test } from 'vitest';
import { mcpDoor } from '../../../src/app/mcp-door.ts';
import { openAiDoor } from '../../../src/app/openai-door.ts';
import { apiKey, type ServerWithStore, startServerWithStore } from '../start-server-with-store.ts';

async function start() {
  let now = 1000;
  const server = await startServerWithStore({
    clock: () => now,
    config: { enableCors: ['https://page.test'] },
    doors: ({ log, agent }) => ({
      mcp: mcpDoor({ log, agent, logger: undefined }),
      openai: openAiDoor(log, agent),
    }),
  });
  return { ...server, pass: (ms: number) => (now += ms) };
}

async function keyWith({ send }: Pick<ServerWithStore, 'send'>, limits: object) {
  const made = await send('POST', '/api/keys', {
    name: 'limited',
    scopes: ['read', 'prompt', 'tools'],
    limits,
  });
  expect(made.status).toBe(201);
  const { id, key } = await made.json();
  return { id: id as string, authorization: { authorization: `Bearer ${key}` } };
}

/** What an answer says about the limits. */
const told = ({ status, headers }: Pick<Response, 'status' | 'headers'>) => [
  status,
  headers.get('ratelimit-policy'),
  headers.get('ratelimit'),
  headers.get('retry-after'),
];

test('requests are counted, told on every answer, and refused until a token comes back', async () => {
  const server = await start();
  const { url, get, pass } = server;
  const { authorization } = await keyWith(server, { requestsPerMinute: 6 });
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { ...authorization, ...init.headers } });
  const policy = '"requests";q=6;w=60';

  expect(told(await ask('/api/status'))).toEqual([200, policy, '"requests";r=5;t=10', null]);
  expect(told(await ask('/api/sessions/ses_none'))).toEqual([404, policy, '"requests";r=4;t=10', null]);
  expect(told(await ask('/api/keys'))).toEqual([403, policy, '"requests";r=3;t=10', null]);
  const bad = { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } };
  expect(told(await ask('/api/sessions', bad))).toEqual([400, policy, '"requests";r=2;t=10', null]);
  const looping = { method: 'POST', headers: { 'x-codebuddy-hop': '3' } };
  expect(told(await ask('/api/sessions', looping))).toEqual([508, policy, '"requests";r=1;t=10', null]);
  const stream = await ask('/api/events', { headers: { accept: 'text/event-stream' } });
  expect(told(stream)).toEqual([200, policy, '"requests";r=0;t=10', null]);

  pass(2500);
  const refused = await ask('/api/status', { headers: { origin: 'https://page.test' } });
  expect(told(refused)).toEqual([429, policy, '"requests";r=0;t=8', '8']);
  expect(refused.headers.get('access-control-expose-headers')).toMatch(/RateLimit, RateLimit-Policy/);
  expect(await refused.json()).toMatchObject({
    code: 'key_limit_reached',
    detail: 'This API key may send 6 requests per minute (limits.requestsPerMinute). Try again in 8 s.',
  });
  const openAi = await ask('/v1/models');
  expect(openAi.status).toBe(429);
  expect(await openAi.json()).toMatchObject({
    error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  });

  // A stream counts once, for as long as it is open. Refused requests do not count.
  pass(7500);
  expect(told(await ask('/api/status'))).toEqual([200, policy, '"requests";r=0;t=10', null]);
  await stream.body?.cancel();
  pass(3_600_000);
  expect(told(await ask('/api/status'))).toEqual([200, policy, '"requests";r=5;t=10', null]);

  // Other keys, and callers without a key, neither have limits nor are told of these.
  expect(told(await get('/api/status'))).toEqual([200, null, null, null]);
  expect(told(await fetch(`${url}/health`, { headers: authorization }))).toEqual([200, null, null, null]);
});

test('prompts are counted where they start a run, whichever door they come through', async () => {
  const server = await start();
  const { url, pass } = server;
  const { authorization } = await keyWith(server, { promptsPerMinute: 4 });
  const post = (path: string, body: object, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const prompt = (body: object = {}, headers: Record<string, string> = {}) =>
    post('/api/prompt', { prompt: 'hello', ...body }, headers);
  const chat = () =>
    post('/v1/chat/completions', {
      model: 'codebuddy/offline',
      messages: [{ role: 'user', content: 'hello' }],
    });
  const viaMcp = async () => {
    const params = { name: 'prompt', arguments: { prompt: 'hello' } };
    const answer = await post(
      '/mcp',
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
      { accept: 'application/json, text/event-stream' },
    );
    return { answer, text: await answer.text() };
  };
  const left = (answer: Pick<Response, 'headers'>) => answer.headers.get('ratelimit');

  const first = await prompt({}, { 'idempotency-key': 'one' });
  expect(told(first)).toEqual([200, '"prompts";q=4;w=60', '"prompts";r=3;t=15', null]);
  const again = await prompt({}, { 'idempotency-key': 'one' });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(left(again)).toBe('"prompts";r=3;t=15');
  // A prompt that starts no run does not count.
  expect((await prompt({ sessionId: 'ses_none' })).status).toBe(404);
  expect((await prompt({ options: { maxSteps: 0 } })).status).toBe(422);
  expect(left(await prompt({}, { accept: 'text/event-stream' }))).toBe('"prompts";r=2;t=15');
  const answered = await chat();
  expect([answered.status, left(answered)]).toEqual([200, '"prompts";r=1;t=15']);
  expect((await viaMcp()).text).not.toContain('key_limit_reached');

  const refused = await prompt({}, { 'idempotency-key': 'two' });
  expect(told(refused)).toEqual([429, '"prompts";q=4;w=60', '"prompts";r=0;t=15', '15']);
  expect(await refused.json()).toMatchObject({ code: 'key_limit_reached' });
  const refusedChat = await chat();
  expect(told(refusedChat)).toEqual([429, '"prompts";q=4;w=60', '"prompts";r=0;t=15', '15']);
  expect((await viaMcp()).text).toContain('key_limit_reached');
  // Requests have no limit.
  expect((await fetch(`${url}/api/runs`, { headers: authorization })).status).toBe(200);

  pass(15_000);
  const later = await prompt({}, { 'idempotency-key': 'two' });
  expect([later.status, left(later)]).toEqual([200, '"prompts";r=0;t=15']);
  expect((await prompt()).status).toBe(429);
});

test('limits are changed and removed, keep what is used, survive a restart, and apply to tickets', async () => {
  const server = await start();
  const { url, send, pass, folder, stop } = server;
  const { id, authorization } = await keyWith(server, { requestsPerMinute: 10 });
  const patch = async (limits: unknown) => {
    const answer = await send('PATCH', `/api/keys/${id}`, { limits });
    return { status: answer.status, json: await answer.json() };
  };
  const left = async () =>
    (await fetch(`${url}/api/status`, { headers: authorization })).headers.get('ratelimit');
  for (let n = 1; n < 8; n++) await left();
  expect(await left()).toBe('"requests";r=2;t=6');

  const more = await patch({ requestsPerMinute: 60, promptsPerMinute: 3 });
  expect(more).toMatchObject({
    status: 200,
    json: { limits: { requestsPerMinute: 60, promptsPerMinute: 3 } },
  });
  expect(await left()).toBe('"requests";r=51;t=1, "prompts";r=3;t=20');
  await patch({ requestsPerMinute: 2 });
  expect(await left()).toBe('"requests";r=0;t=30, "prompts";r=3;t=20');
  pass(60_000);

  // A ticket counts for the key that made it.
  const made = await fetch(`${url}/api/stream-tickets`, { method: 'POST', headers: authorization });
  const { ticket } = (await made.json()) as { ticket: string };
  const stream = await fetch(`${url}/api/events?ticket=${ticket}`, {
    headers: { accept: 'text/event-stream' },
  });
  expect(told(stream).slice(0, 3)).toEqual([
    200,
    '"requests";q=2;w=60, "prompts";q=3;w=60',
    '"requests";r=0;t=30, "prompts";r=3;t=20',
  ]);
  await stream.body?.cancel();

  expect((await patch({ requestsPerMinute: null })).json.limits).toEqual({ promptsPerMinute: 3 });
  expect(await left()).toBe('"prompts";r=3;t=20');
  await stop();
  const restarted = await startServerWithStore({ folder });
  const listed = await (await restarted.get('/api/keys')).json();
  expect(listed.keys).toMatchObject([{ id, limits: { promptsPerMinute: 3 } }]);
  const answer = await fetch(`${restarted.url}/api/status`, { headers: authorization });
  expect(answer.headers.get('ratelimit')).toBe('"prompts";r=3;t=20');
  const removed = await restarted.send('PATCH', `/api/keys/${id}`, { limits: { promptsPerMinute: null } });
  expect((await removed.json()).limits).toEqual({});
  const free = await fetch(`${restarted.url}/api/status`, { headers: authorization });
  expect([free.status, free.headers.has('ratelimit')]).toEqual([200, false]);

  await restarted.send('DELETE', `/api/keys/${id}`);
  const gone = await restarted.send('PATCH', `/api/keys/${id}`, { limits: { promptsPerMinute: 1 } });
  expect([gone.status, (await gone.json()).code]).toEqual([404, 'key_not_found']);
  expect((await fetch(`${restarted.url}/api/status`, { headers: authorization })).status).toBe(401);
});

test('a limit that is not a whole number from 1 is refused, naming it', async () => {
  const { url, send } = await start();
  const input = { name: 'x', scopes: ['read'] };
  const pointers = async (method: string, path: string, body: object) => {
    const answer = await send(method, path, body);
    const { errors } = await answer.json();
    return [answer.status, errors.map((error: { pointer: string; message: string }) => error.pointer)];
  };
  for (const value of [0, -1, 1.5, 1_000_001, '60', true]) {
    const limits = { promptsPerMinute: value };
    expect(await pointers('POST', '/api/keys', { ...input, limits })).toEqual([
      422,
      ['/limits/promptsPerMinute'],
    ]);
    expect(await pointers('PATCH', '/api/keys/key_x', { limits })).toEqual([
      422,
      ['/limits/promptsPerMinute'],
    ]);
  }
  const misspelt = { requestsPerMinutes: 60 };
  expect(await pointers('POST', '/api/keys', { ...input, limits: misspelt })).toEqual([
    422,
    ['/limits/requestsPerMinutes'],
  ]);
  expect(await pointers('POST', '/api/keys', { ...input, limits: { promptsPerMinute: null } })).toEqual([
    422,
    ['/limits/promptsPerMinute'],
  ]);
  expect(await pointers('PATCH', '/api/keys/key_x', { limits: {} })).toEqual([422, ['/limits']]);
  expect(await pointers('PATCH', '/api/keys/key_x', {})).toEqual([422, ['/limits']]);
  expect(await pointers('PATCH', '/api/keys/key_x', { limits: misspelt, name: 'y' })).toMatchObject([
    422,
    {},
  ]);
  const ownKey = await fetch(`${url}/api/keys/test`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ limits: { requestsPerMinute: 1 } }),
  });
  expect(ownKey.status).toBe(404);
});
