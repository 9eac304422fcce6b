import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { catalogue, deltas } from '../../../src/contract/event-catalogue.ts';
import { appendMany, fault, type ServerWithStore, startServerWithStore } from '../start-server-with-store.ts';

async function readPages(
  server: ServerWithStore,
  query: string,
  between?: () => Promise<unknown>,
): Promise<number[]> {
  const seen: number[] = [];
  let cursor: string | null = null;
  do {
    const path: string = `/api/events?${query}${cursor === null ? '' : `&cursor=${cursor}`}`;
    const page = await (await server.get(path)).json();
    for (const event of page.events) seen.push(event.sequence);
    cursor = page.nextCursor;
    if (cursor !== null) await between?.();
  } while (cursor !== null);
  return seen;
}

test('pages contain every event once, oldest first', async () => {
  const server = await startServerWithStore();
  const logged = await appendMany(server.log, 120);
  const first = await (await server.get('/api/events')).json();
  expect(first.events).toEqual(logged.slice(0, 50));
  expect(await readPages(server, 'limit=7')).toEqual(logged.map(({ sequence }) => sequence));
  expect(await readPages(server, 'limit=120')).toHaveLength(120);
});

test('pages in descending order do not change while events are added', async () => {
  const server = await startServerWithStore();
  const logged = await appendMany(server.log, 50);
  const seen = await readPages(server, 'order=desc&limit=8', () => appendMany(server.log, 3));
  expect(seen).toEqual(logged.map(({ sequence }) => sequence).reverse());
});

test('pages can be filtered by type, session, run and sequence number', async () => {
  const { get, log } = await startServerWithStore();
  await log.append([
    fault('1', { sessionId: 'ses_a', runId: 'run_a' }),
    fault('2', { sessionId: 'ses_b', runId: 'run_b' }),
    { type: 'session.start', data: { title: '3' }, sessionId: 'ses_a' },
    fault('4', { sessionId: 'ses_a' }),
  ]);
  const sequences = async (query: string): Promise<number[]> =>
    (await (await get(`/api/events?${query}`)).json()).events.map(
      (event: { sequence: number }) => event.sequence,
    );
  expect(await sequences('sessionId=ses_a')).toEqual([1, 3, 4]);
  expect(await sequences('runId=run_b')).toEqual([2]);
  expect(await sequences('types=session.*')).toEqual([3]);
  expect(await sequences('type=session.start&type=error&after=2')).toEqual([3, 4]);
  expect(await sequences('after=4')).toEqual([]);
});

test.each([
  ['limit=0', '/limit'],
  ['limit=201', '/limit'],
  ['limit=many', '/limit'],
  ['order=random', '/order'],
  ['cursor=nonsense', '/cursor'],
  [`cursor=${Buffer.from('["events asc","7","AAAAAAAA"]').toString('base64url')}`, '/cursor'],
  ['cursor=', '/cursor'],
  ['unknown=1', '/unknown'],
])('a page with %s is refused, naming %s', async (query, pointer) => {
  const { get } = await startServerWithStore();
  const response = await get(`/api/events?${query}`);
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({
    code: 'validation_failed',
    errors: [{ in: 'query', pointer }],
  });
});

test('a cursor of another list or order, or with a changed letter, is refused', async () => {
  const { get, log } = await startServerWithStore();
  await appendMany(log, 3);
  const { nextCursor } = await (await get('/api/events?limit=1')).json();
  const letter = nextCursor[10] === 'A' ? 'B' : 'A';
  const altered = `${nextCursor.slice(0, 10)}${letter}${nextCursor.slice(11)}`;
  expect((await get(`/api/events?cursor=${altered}`)).status).toBe(422);
  expect((await get(`/api/events?order=desc&cursor=${nextCursor}`)).status).toBe(422);
  expect((await get(`/api/runs?cursor=${nextCursor}`)).status).toBe(422);
  expect((await get(`/api/events?cursor=${nextCursor}`)).status).toBe(200);
});

test('a single event can be read by its id', async () => {
  const { get, log } = await startServerWithStore();
  const [logged] = await log.append([fault('this one', { sessionId: 'ses_a', runId: 'run_a' })]);
  expect(await (await get(`/api/events/${logged?.id}`)).json()).toEqual(logged);
});

test('the catalogue lists every type with its schema and whether it is logged', async () => {
  const { get } = await startServerWithStore();
  const { eventTypes } = await (await get('/api/event-types')).json();
  expect(eventTypes).toHaveLength(Object.keys(catalogue).length + Object.keys(deltas).length);
  expect(eventTypes).toContainEqual({
    type: 'tool.start',
    description: catalogue['tool.start'].description,
    logged: true,
    schema: catalogue['tool.start'].data,
  });
  expect(eventTypes).toContainEqual(expect.objectContaining({ type: 'message.delta', logged: false }));
});

test('pages and single events are the JSON of the events, byte for byte', async () => {
  const { get, log } = await startServerWithStore();
  const logged = await log.append([
    fault('a\u0000 \ud800 \u0085 \u2028 "q" \\ 😀', { sessionId: 'ses_"ü', runId: 'run_a' }),
    { type: 'tool.start', data: { callId: 'c', tool: 't', params: { 10: 1, 2: [1e21, 0.1], b: {} } } },
    fault('last'),
  ]);
  const body = async (path: string): Promise<string> => {
    const response = await get(path);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    return response.text();
  };
  expect(await body('/api/events?limit=200')).toBe(JSON.stringify({ events: logged, nextCursor: null }));
  expect(await body('/api/events?after=3')).toBe('{"events":[],"nextCursor":null}');
  const first = await body('/api/events?limit=1');
  expect(first).toBe(
    JSON.stringify({ events: logged.slice(0, 1), nextCursor: JSON.parse(first).nextCursor }),
  );
  expect(await body(`/api/events/${logged[0]?.id}`)).toBe(JSON.stringify(logged[0]));
});

test('a damaged row is a 500 without details, and the log of the server names the row', async () => {
  const lines: unknown[] = [];
  const note = (...line: unknown[]): void => void lines.push(...line);
  const logger = { debug: note, info: note, warn: note, error: note };
  const { folder, get, log } = await startServerWithStore({ config: { logger } });
  const logged = await appendMany(log, 3);
  const database = new DatabaseSync(join(folder, 'codebuddy.db'));
  database.exec(`UPDATE events SET data = replace(data, '}', '') WHERE sequence = 2`);
  database.close();
  const named = `row "${logged[1]?.id}" of table "events" is damaged`;
  const error = expect.objectContaining({
    err: expect.objectContaining({ message: expect.stringContaining(named) }),
  });

  for (const path of ['/api/events', `/api/events/${logged[1]?.id}`]) {
    const response = await get(path);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: 'internal_error' });
    expect(lines).toContainEqual(error);
    lines.length = 0;
  }
  const stream = await get('/api/events?after=1', { accept: 'text/event-stream' });
  expect(await stream.text()).toBe(': connected\n\n');
  expect(lines).toContainEqual(error);
  expect((await (await get('/api/events?after=2')).json()).events).toEqual(logged.slice(2));
});
