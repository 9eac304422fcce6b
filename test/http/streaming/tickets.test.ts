// A web page follows a stream with a ticket instead of a key.

import { expect, test } from 'vitest';
import { makeOneTimeTokens } from '../../../src/http/pipeline/one-time-tokens.ts';
import { appendMany, type ServerWithStore, startServerWithStore } from '../start-server-with-store.ts';
import { openReader } from './sse-reader.ts';

const stream = { accept: 'text/event-stream' };

async function newTicket(server: ServerWithStore, headers: Record<string, string> = {}): Promise<string> {
  const response = await server.send('POST', '/api/stream-tickets', undefined, headers);
  expect(response.status).toBe(201);
  const { ticket, expiresAt } = await response.json();
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now());
  return ticket;
}

/** Without a key. */
async function open(url: string, headers: Record<string, string> = stream) {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  const isStream = response.headers.get('content-type') === 'text/event-stream';
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape.
  const problem: any = isStream ? undefined : await response.json();
  if (isStream) stop.abort();
  return { status: response.status, isStream, code: problem?.code, detail: problem?.detail };
}

test('a ticket opens one stream, including missed events', async () => {
  const server = await startServerWithStore();
  await appendMany(server.log, 3);
  const ticket = await newTicket(server);
  const url = `${server.url}/api/events?after=1&ticket=${ticket}`;
  const reader = await openReader(url, { authorization: '' });
  expect((await reader.take(2)).map(({ id }) => id)).toEqual(['2', '3']);
  expect(await open(url)).toMatchObject({ status: 401, code: 'unauthorized' });
});

test('only one of many requests with the same ticket gets the stream', async () => {
  const server = await startServerWithStore();
  const url = `${server.url}/api/events?ticket=${await newTicket(server)}`;
  const answers = await Promise.all(Array.from({ length: 8 }, () => open(url)));
  expect(answers.filter(({ isStream }) => isStream)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(7);
});

test('a ticket opens only streams, and other requests do not use it up', async () => {
  const server = await startServerWithStore();
  const ticket = await newTicket(server);
  const refused = { status: 401, isStream: false, code: 'unauthorized' };
  expect(await open(`${server.url}/api/sessions?ticket=${ticket}`)).toMatchObject(refused);
  expect(await open(`${server.url}/api/events?ticket=${ticket}`, {})).toMatchObject(refused);
  expect(await open(`${server.url}/nowhere?ticket=${ticket}`)).toMatchObject({ status: 404 });
  const written = await fetch(`${server.url}/api/stream-tickets?ticket=${ticket}`, { method: 'POST' });
  expect(written.status).toBe(401);
  const head = await fetch(`${server.url}/api/events?ticket=${ticket}`, { method: 'HEAD', headers: stream });
  expect(head.status).toBe(401);
  expect(await open(`${server.url}/api/events?ticket=${ticket}`)).toMatchObject({ isStream: true });
});

test.each(['tkt_none', '', 'tkt_a&ticket=tkt_b'])('the ticket %j opens nothing', async (ticket) => {
  const server = await startServerWithStore();
  expect(await open(`${server.url}/api/events?ticket=${ticket}`)).toMatchObject({
    status: 401,
    code: 'unauthorized',
  });
});

test('the ticket of a revoked key opens nothing', async () => {
  const server = await startServerWithStore();
  const body = { name: 'page', scopes: ['read'] };
  const { id, key } = await (await server.send('POST', '/api/keys', body)).json();
  const ticket = await newTicket(server, { authorization: `Bearer ${key}` });
  await server.send('DELETE', `/api/keys/${id}`);
  expect(await open(`${server.url}/api/events?ticket=${ticket}`)).toMatchObject({ status: 401 });
});

test('a ticket is valid for 60 s', () => {
  let now = 1_000_000;
  const tickets = makeOneTimeTokens({ prefix: 'tkt_', current: (identity) => identity, now: () => now });
  const identity = { keyId: 'key_1', scopes: ['read'] } as const;
  const early = tickets.issue(identity);
  expect(early.expiresAt).toBe(now + 60_000);
  now += 59_999;
  expect(tickets.ownerOf(early.token)).toEqual(identity);
  now += 1;
  expect(tickets.ownerOf(early.token)).toBeUndefined();
  expect(tickets.take(early.token)).toBe(false);
});

test('a key that requests too many tickets loses its own, not those of others', () => {
  const tickets = makeOneTimeTokens({ prefix: 'tkt_', current: (identity) => identity });
  const other = tickets.issue({ keyId: 'key_2', scopes: ['read'] });
  const own = Array.from({ length: 101 }, () => tickets.issue({ keyId: 'key_1', scopes: ['read'] }).token);
  expect(tickets.take(own[0] as string)).toBe(false);
  expect(tickets.take(own[1] as string)).toBe(true);
  expect(tickets.take(other.token)).toBe(true);
});

test('named=false omits event names; the data contains the type', async () => {
  const server = await startServerWithStore();
  await appendMany(server.log, 2);
  const stop = new AbortController();
  const response = await fetch(`${server.url}/api/events?after=0&named=false`, {
    headers: { ...stream, authorization: 'Bearer cbk_test-key-of-the-streaming-tests' },
    signal: stop.signal,
  });
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += new TextDecoder().decode(chunk);
    if (text.includes('"sequence":2')) break;
  }
  stop.abort();
  expect(text).not.toContain('event:');
  const messages = text.split('\n\n').filter((block) => block.startsWith('id: '));
  expect(messages.map((block) => /^id: (\d+)\ndata: (.*)$/.exec(block)?.[1])).toEqual(['1', '2']);
  expect(JSON.parse(/data: (.*)/.exec(messages[0] ?? '')?.[1] ?? '')).toMatchObject({ type: 'error' });
});
