import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../../wait-for.ts';
import { apiKey, fault, type ServerWithStore, startServerWithStore } from '../start-server-with-store.ts';
import { openReader } from './sse-reader.ts';

async function startRun(server: ServerWithStore, prompt: string): Promise<string> {
  const response = await server.send('POST', '/api/prompt', { prompt }, { prefer: 'respond-async' });
  expect(response.status).toBe(202);
  return (await response.json()).id;
}

async function statusOf(server: ServerWithStore, id: string): Promise<string> {
  return (await (await server.get(`/api/runs/${id}`)).json()).status;
}

test('the stream of a run begins and ends with the run', async () => {
  const server = await startServerWithStore();
  writeFileSync(join(server.folder, 'workspace', 'hello.txt'), 'hello');
  const id = await startRun(server, 'read hello.txt');
  const reader = await openReader(`${server.url}/api/runs/${id}/events`);
  await reader.end();
  const types = reader.messages.map(({ event }) => event);
  expect(types).toContain('run.queued');
  expect(types).toContain('tool.complete');
  expect(types.at(-1)).toBe('run.complete');
  expect(reader.messages.every(({ data }) => data.runId === id)).toBe(true);
  expect(reader.response.complete).toBe(true);
});

test('the stream of an ended run replays it and ends', async () => {
  const server = await startServerWithStore();
  const id = await startRun(server, 'help');
  await waitFor('the run ends', async () => (await statusOf(server, id)) === 'completed');
  const first = await openReader(`${server.url}/api/runs/${id}/events`);
  await first.end();
  expect(first.messages.at(-1)?.event).toBe('run.complete');
  const resumed = await openReader(`${server.url}/api/runs/${id}/events`, {
    'last-event-id': first.messages[0]?.id ?? '',
  });
  await resumed.end();
  expect(resumed.messages).toEqual(first.messages.slice(1));
});

test('a reader that has seen the whole run is told not to reconnect', async () => {
  const server = await startServerWithStore();
  const id = await startRun(server, 'help');
  await waitFor('the run ends', async () => (await statusOf(server, id)) === 'completed');
  const { last } = await server.log.bounds();
  const response = await server.get(`/api/runs/${id}/events`, {
    accept: 'text/event-stream',
    'last-event-id': String(last),
  });
  expect(response.status).toBe(204);
});

test('the stream of a run ends with the run even if the reader filters its last event', async () => {
  const server = await startServerWithStore();
  const id = await startRun(server, 'run sleep 0.3');
  const reader = await openReader(`${server.url}/api/runs/${id}/events?types=tool.*`);
  await reader.end();
  expect(reader.messages.map(({ event }) => event)).toEqual(['tool.start', 'tool.complete']);
});

test('a cancelled run ends its stream, and cannot be cancelled again', async () => {
  const server = await startServerWithStore();
  const id = await startRun(server, 'run sleep 300');
  const reader = await openReader(`${server.url}/api/runs/${id}/events`);
  await waitFor('the tool runs', () => reader.messages.some(({ event }) => event === 'tool.start'));
  const cancelled = await server.send('POST', `/api/runs/${id}/cancel`, { reason: 'changed my mind' });
  expect(cancelled.status).toBe(200);
  expect(await cancelled.json()).toMatchObject({ id, status: 'cancelled' });
  await reader.end();
  expect(reader.messages.at(-1)).toMatchObject({
    event: 'run.cancelled',
    data: { data: { reason: 'changed my mind' } },
  });
  const again = await server.send('POST', `/api/runs/${id}/cancel`);
  expect(again.status).toBe(409);
  expect(await again.json()).toMatchObject({ code: 'run_ended' });
});

test('runs are listed newest first, in pages, by session and by status', async () => {
  const server = await startServerWithStore();
  const { id: sessionId } = await (await server.send('POST', '/api/sessions', { title: 'one' })).json();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) {
    const body = index === 4 ? { prompt: 'help', sessionId } : { prompt: 'help' };
    ids.push((await (await server.send('POST', '/api/prompt', body)).json()).runId);
  }
  const seen: string[] = [];
  let path = '/api/runs?limit=2';
  for (;;) {
    const { runs, nextCursor } = await (await server.get(path)).json();
    for (const run of runs) seen.push(run.id);
    if (nextCursor === null) break;
    path = `/api/runs?limit=2&cursor=${nextCursor}`;
  }
  expect(seen).toEqual(ids.toReversed());
  const ofSession = await (await server.get(`/api/runs?sessionId=${sessionId}`)).json();
  expect(ofSession.runs.map(({ id }: { id: string }) => id)).toEqual([ids[4]]);
  expect((await (await server.get('/api/runs?status=failed')).json()).runs).toEqual([]);
  expect((await server.get('/api/runs?status=tired')).status).toBe(422);
});

test('the stream of a session begins with its first event and stays open', async () => {
  const server = await startServerWithStore();
  await server.log.append([fault('of nobody')]);
  const { id } = await (await server.send('POST', '/api/sessions', { title: 'mine' })).json();
  const reader = await openReader(`${server.url}/api/sessions/${id}/events`);
  await reader.take(1);
  await server.log.append([fault('of nobody'), fault('mine', { sessionId: id })]);
  const messages = await reader.take(2);
  expect(messages.map(({ event }) => event)).toEqual(['session.start', 'error']);
});

test.each([
  ['/api/runs/run_00000000000000000000000000', 'run_not_found'],
  ['/api/runs/run_00000000000000000000000000/events', 'run_not_found'],
  ['/api/sessions/ses_00000000000000000000000000/events', 'session_not_found'],
  ['/api/events/evt_00000000000000000000000000', 'event_not_found'],
])('%s is 404 %s', async (path, code) => {
  const { get } = await startServerWithStore();
  const response = await get(path);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ code });
});

test('with "Prefer: detach", a run continues without its client, and a repeated request gets the run', async () => {
  const server = await startServerWithStore();
  const headers = { accept: 'text/event-stream', prefer: 'detach', 'idempotency-key': 'lost' };
  const prompt = 'run until [ -e go ]; do sleep 0.02; done';
  const leaving = new AbortController();
  const first = await fetch(`${server.url}/api/prompt`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt }),
    signal: leaving.signal,
  });
  expect(first.headers.get('preference-applied')).toBe('detach');
  const id = first.headers.get('location')?.split('/').pop() ?? '';
  leaving.abort();
  const again = await waitFor('the stored answer', async () => {
    const answer = await server.send('POST', '/api/prompt', { prompt }, headers);
    return answer.status === 409 ? undefined : answer;
  });
  expect(again.status).toBe(202);
  expect(again.headers.get('location')).toBe(`/api/runs/${id}`);
  expect(await again.json()).toMatchObject({ id, status: 'queued' });
  writeFileSync(join(server.folder, 'workspace', 'go'), '');
  await waitFor('the run ends', async () => (await statusOf(server, id)) === 'completed');
  expect((await (await server.get('/api/runs')).json()).runs).toHaveLength(1);
});
