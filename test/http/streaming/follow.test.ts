import { get as httpGet, type IncomingMessage } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { apiKey, appendMany, fault, startServerWithStore } from '../start-server-with-store.ts';
import { openReader } from './sse-reader.ts';

test('a reader receives new events, one per message', async () => {
  const { url, log } = await startServerWithStore();
  await log.append([fault('before')]);
  const reader = await openReader(`${url}/api/events`);
  await reader.takeComments(1);
  const [logged] = await log.append([fault('line\nfeed, \u2028 and "quotes"', { sessionId: 'ses_1' })]);
  const [message] = await reader.take(1);
  expect(message).toEqual({ id: String(logged?.sequence), event: 'error', data: logged });
});

test('a stream has the headers of all answers, and asks proxies not to buffer', async () => {
  const { url } = await startServerWithStore();
  const { response } = await openReader(`${url}/api/events`, { 'x-request-id': 'my-request' });
  expect(response.statusCode).toBe(200);
  expect(response.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-request-id': 'my-request',
    'x-content-type-options': 'nosniff',
  });
});

test('a reader that reconnects again and again sees no gaps and no duplicates', async () => {
  const { url, log } = await startServerWithStore();
  const seen: number[] = [];
  let appended = 0;
  const writer = (async () => {
    while (appended < 3000) {
      await appendMany(log, 25);
      appended += 25;
    }
  })();
  let lastId = '0';
  while (seen.length < 3000) {
    const reader = await openReader(`${url}/api/events`, { 'last-event-id': lastId });
    const wanted = Math.min(170, 3000 - seen.length);
    for (const { id } of await reader.take(wanted)) {
      seen.push(Number(id));
      lastId = id as string;
    }
    reader.leave();
  }
  await writer;
  expect(seen).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1));
});

test('?after= resumes too, and Last-Event-ID overrides it', async () => {
  const { url, log } = await startServerWithStore();
  await appendMany(log, 5);
  const byQuery = await openReader(`${url}/api/events?after=3`);
  expect((await byQuery.take(2)).map(({ id }) => id)).toEqual(['4', '5']);
  const byHeader = await openReader(`${url}/api/events?after=1`, { 'last-event-id': '4' });
  expect((await byHeader.take(1)).map(({ id }) => id)).toEqual(['5']);
});

test.each([
  ['/api/events', { 'last-event-id': 'yesterday' }, 'header', '/last-event-id'],
  ['/api/events', { 'last-event-id': '-1' }, 'header', '/last-event-id'],
  ['/api/events', { 'last-event-id': '99999999999999999' }, 'header', '/last-event-id'],
  ['/api/events?after=soon', {}, 'query', '/after'],
  ['/api/events?after=-1', {}, 'query', '/after'],
  ['/api/events?types=tool.nothing', {}, 'query', '/types'],
  ['/api/events?sort=up', {}, 'query', '/sort'],
])('%s with %o is refused, naming %s %s', async (path, headers, place, pointer) => {
  const { get } = await startServerWithStore();
  const response = await get(path, { accept: 'text/event-stream', ...headers });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    code: 'validation_failed',
    errors: [{ in: place, pointer }],
  });
});

test('a reader receives only the types, session and run it asked for', async () => {
  const { url, log } = await startServerWithStore();
  const reader = await openReader(
    `${url}/api/events?after=0&type=error,session.*&type=run.failed&sessionId=ses_a&runId=run_a`,
  );
  const mine = { sessionId: 'ses_a', runId: 'run_a' };
  await log.append([
    fault('other session', { sessionId: 'ses_b', runId: 'run_a' }),
    fault('other run', { sessionId: 'ses_a' }),
    { type: 'message.user', data: { messageId: 'msg_1', text: 'other type' }, ...mine },
    { type: 'session.start', data: { title: 'wanted' }, ...mine },
    { type: 'run.failed', data: { code: 'x', message: 'wanted' }, ...mine },
    fault('wanted', mine),
  ]);
  const messages = await reader.take(3);
  expect(messages.map(({ event }) => event)).toEqual(['session.start', 'run.failed', 'error']);
});

test('deltas are streamed without an id to readers that ask for them', async () => {
  const { url, log } = await startServerWithStore();
  const asking = await openReader(`${url}/api/events?deltas=true`);
  const other = await openReader(`${url}/api/events`);
  await waitFor('both follow', () => log.stats().subscribers === 2);
  log.publish({ type: 'message.delta', data: { text: 'Hel' }, runId: 'run_a' });
  await log.append([fault('after')]);
  const [delta, event] = await asking.take(2);
  expect(delta).toMatchObject({ id: undefined, event: 'message.delta', data: { data: { text: 'Hel' } } });
  expect(event).toMatchObject({ event: 'error' });
  expect((await other.take(1)).map((message) => message.event)).toEqual(['error']);
});

test('deltas of one turn of the event loop come as one message, those of later turns as their own', async () => {
  const { url, log } = await startServerWithStore();
  const reader = await openReader(`${url}/api/events?deltas=true`);
  await waitFor('it follows', () => log.stats().subscribers === 1);
  const say = (text: string, runId = 'run_a') =>
    log.publish({ type: 'message.delta', data: { text }, runId });
  say('a');
  say('b');
  say('of another run', 'run_b');
  await reader.take(2);
  say('c');
  await reader.take(3);
  say('d');
  const texts = (await reader.take(4)).map(({ data }) => data.data.text);
  expect(texts).toEqual(['ab', 'of another run', 'c', 'd']);
});

test('all readers of one form get the same bytes; with named=false, without the names', async () => {
  const { url, log } = await startServerWithStore();
  const paths = ['', '', '?named=false', '?after=0'];
  const readers = await Promise.all(paths.map((query) => openRaw(`${url}/api/events${query}`)));
  await waitFor('all follow', () => log.stats().subscribers === paths.length);
  const [first, second] = await log.append([fault('line \u2028 \u0085 one'), fault('two')]);
  const whole = (text: string): boolean => text.split('\n\n').length === 4;
  const texts = await Promise.all(readers.map((response) => readUntil(response, whole)));
  const escaped = (event: unknown) =>
    JSON.stringify(event).replace('\u2028', '\\u2028').replace('\u0085', '\\u0085');
  const frames = (name: string) =>
    `: connected\n\nid: 1\n${name}data: ${escaped(first)}\n\nid: 2\n${name}data: ${escaped(second)}\n\n`;
  expect(texts).toEqual(paths.map((query) => frames(query === '?named=false' ? '' : 'event: error\n')));
});

test('a reader that asks for pruned events gets a gap message and the events after it', async () => {
  let now = Date.now() - 1_000_000;
  const { url, log, store } = await startServerWithStore({ now: () => now });
  await appendMany(log, 10);
  now += 1_000_000;
  await appendMany(log, 3);
  await store.pruneEvents(now - 1000, 100);
  const reader = await openReader(`${url}/api/events?after=4`);
  const messages = await reader.take(4);
  expect(messages[0]).toEqual({
    id: '10',
    event: 'gap',
    data: { type: 'gap', sequence: 10, firstSequence: 11, data: { firstSequence: 11 } },
  });
  expect(messages.slice(1).map(({ id }) => id)).toEqual(['11', '12', '13']);
});

test('a sequence number from another log gets a gap message too', async () => {
  const { url, log } = await startServerWithStore();
  await appendMany(log, 2);
  const reader = await openReader(`${url}/api/events`, { 'last-event-id': '1000' });
  const messages = await reader.take(3);
  expect(messages.map(({ event, id }) => [event, id])).toEqual([
    ['gap', '0'],
    ['error', '1'],
    ['error', '2'],
  ]);
});

test('comments keep a quiet connection open', async () => {
  const { url } = await startServerWithStore({ config: { streamHeartbeatMs: 20 } });
  const reader = await openReader(`${url}/api/events`);
  expect(await reader.takeComments(4)).toEqual(['connected', 'keep-alive', 'keep-alive', 'keep-alive']);
});

test('a stream ends when its key is revoked, and sends nothing more', async () => {
  const { url, send, log } = await startServerWithStore();
  const { id, key } = await (await send('POST', '/api/keys', { name: 'reader', scopes: ['read'] })).json();
  const reader = await openReader(`${url}/api/events`, { authorization: `Bearer ${key}` });
  await log.append([fault('before')]);
  await reader.take(1);
  await send('DELETE', `/api/keys/${id}`);
  await log.append([fault('after')]);
  await reader.end();
  expect(reader.messages).toHaveLength(1);
  expect(reader.comments.at(-1)).toBe('the API key was revoked, or the sign-in has expired');
});

test('the stream of a revoked key ends even if nothing happens', async () => {
  const { url, send } = await startServerWithStore({ config: { streamHeartbeatMs: 20 } });
  const { id, key } = await (await send('POST', '/api/keys', { name: 'reader', scopes: ['read'] })).json();
  const reader = await openReader(`${url}/api/events`, { authorization: `Bearer ${key}` });
  await reader.takeComments(2);
  await send('DELETE', `/api/keys/${id}`);
  await reader.end();
});

test('HEAD is answered at once, without a body', async () => {
  const { send } = await startServerWithStore();
  const response = await send('HEAD', '/api/events', undefined, { accept: 'text/event-stream' });
  expect(response.status).toBe(200);
  expect(await response.text()).toBe('');
});

function openRaw(url: string): Promise<IncomingMessage> {
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${apiKey}` };
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { agent: false, headers }, resolve).on('error', reject);
    onTestFinished(() => void request.destroy());
  });
}

/** What a stream sends until `isEnough`. */
async function readUntil(response: IncomingMessage, isEnough: (text: string) => boolean): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk;
    if (isEnough(text)) break;
  }
  return text;
}
