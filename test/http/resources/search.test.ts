// Search over messages, the archive, and ids of the caller's own, over a real socket.

import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { CodeBuddyClient, SearchHit } from '../../../src/client/index.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { run } from '../../cli/run-cli.ts';
import { startApp } from '../start-app.ts';

async function hitsOf(client: CodeBuddyClient, q: string, more = {}): Promise<readonly SearchHit[]> {
  for (;;) {
    const { hits, indexing } = await client.sessions.search({ q, limit: 200, ...more });
    if (!indexing) return hits;
  }
}

const markedIn = ({ snippet }: SearchHit): string[] =>
  snippet.marks.map(({ start, end }) => snippet.text.slice(start, end));

test('a search finds the messages of all sessions, with what it found in a snippet', async () => {
  const model = await startModelServer([
    calls('read_file', { path: 'notes/deploy.md' }),
    says('Read.'),
    says('Nobody knows.'),
  ]);
  const { client, home, write, url } = await startApp({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  write(
    'notes/deploy.md',
    `# Notes\n\n${'filler '.repeat(60)}\nThe Café deploy\n\tfailed 😀 twice.\n${'more '.repeat(99)}`,
  );
  const first = await client.prompt({ prompt: 'read notes/deploy.md' });
  const second = await client.prompt({ prompt: 'Deploy failed? Say why. "quoted" <b>bold</b>' });
  const hits = await hitsOf(client, 'deploy failed');
  expect(new Set(hits.map(({ session }) => session.id))).toEqual(
    new Set([first.sessionId, second.sessionId]),
  );
  expect(hits[0]?.session).toMatchObject({ id: second.sessionId, archived: false });
  const output = hits.find(({ message }) => message.role === 'tool');
  expect(output).toMatchObject({
    message: { tool: 'read_file', runId: first.runId },
    session: { id: first.sessionId },
  });
  const [phrase] = await hitsOf(client, '"cafe deploy failed"', { role: 'tool' });
  expect(phrase?.snippet.text).toMatch(/^…[^\n\t]* The Café deploy failed 😀 twice\. more .*…$/);
  expect(phrase === undefined ? [] : markedIn(phrase)).toEqual(['Café deploy failed']);
  const [bold] = await hitsOf(client, 'bold quo', { sessionId: second.sessionId, role: 'user' });
  expect(bold?.snippet.text).toContain('"quoted" <b>bold</b>');
  expect(bold === undefined ? [] : markedIn(bold)).toEqual(['quoted', 'bold']);

  const all: string[] = [];
  for await (const { message } of client.sessions.search({ q: 'deploy', limit: 1 })) all.push(message.id);
  expect(all).toEqual((await hitsOf(client, 'deploy')).map(({ message }) => message.id));
  const page = await client.sessions.search({ q: 'deploy', limit: 1 });
  await expect(client.sessions.search({ q: 'other', cursor: page.nextCursor ?? '' })).rejects.toMatchObject({
    code: 'validation_failed',
  });

  for (const q of ['*', '"', 'a" OR b*', '\u0000', 'NEAR(a b)', '漢'.repeat(800)]) {
    await expect(client.sessions.search({ q })).resolves.toMatchObject({ hits: [] });
  }
  const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
  const tooLong = await fetch(`${url}/api/search?q=${'a'.repeat(1001)}`, { headers: { 'x-api-key': key } });
  expect([tooLong.status, await tooLong.json()]).toMatchObject([422, { errors: [{ pointer: '/q' }] }]);

  const shown = await run(home, ['sessions', 'search', 'deploy', 'fail']);
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining(first.sessionId) });
  await client.sessions.delete(second.sessionId);
  expect((await hitsOf(client, 'deploy')).every(({ session }) => session.id === first.sessionId)).toBe(true);
});

test('an archived session is left out of lists, found by searches, and brought back by a prompt', async () => {
  const { client, home } = await startApp();
  const { sessionId: id } = await client.prompt({ prompt: 'remember the zebra' });
  const other = await client.sessions.create({ title: 'other' });
  expect(await client.sessions.update(id, { archived: true })).toMatchObject({ id, archived: true });
  const listed = async (archived?: 'true' | 'false' | 'all') =>
    (await client.sessions.list(archived === undefined ? {} : { archived })).sessions.map((one) => one.id);
  expect([await listed(), await listed('false')]).toEqual([[other.id], [other.id]]);
  expect([await listed('true'), await listed('all')]).toEqual([[id], [other.id, id]]);
  expect((await hitsOf(client, 'zebra'))[0]?.session).toMatchObject({ id, archived: true });
  expect(await hitsOf(client, 'zebra', { archived: 'false' })).toEqual([]);
  await client.sessions.update(id, { archived: true, title: 'Zebra' });
  await client.prompt({ prompt: 'again', sessionId: id });
  expect(await listed()).toEqual([other.id, id]);
  expect((await run(home, ['sessions', 'archive', id])).stdout).toBe(`Archived session ${id}.\n`);
  expect((await run(home, ['sessions', 'unarchive', id])).stdout).toBe(`Unarchived session ${id}.\n`);
  const { events } = await client.events.list({ types: 'session.archive,session.unarchive' });
  expect(events.map(({ type, sessionId, data }) => [type, sessionId, data])).toEqual([
    ['session.archive', id, { title: 'remember the zebra' }],
    ['session.unarchive', id, { title: 'Zebra', reason: 'prompt' }],
    ['session.archive', id, { title: 'Zebra' }],
    ['session.unarchive', id, { title: 'Zebra', reason: 'request' }],
  ]);
});

test('a caller chooses the id of a session, once', async () => {
  const { client } = await startApp();
  const before = await client.sessions.create({ title: 'before' });
  const made = await Promise.allSettled([1, 2, 3].map(() => client.sessions.create({ id: 'ticket-4711' })));
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const one of made)
    if (one.status === 'rejected') expect(one.reason).toMatchObject({ status: 409, code: 'session_exists' });
  await delay(2);
  const after = await client.sessions.create({ title: 'after' });
  const pages: string[] = [];
  for await (const { id } of client.sessions.list({ limit: 1 })) pages.push(id);
  expect(pages).toEqual([after.id, 'ticket-4711', before.id]);
  for (const id of ['', '.', '..', '-a', 'a/b', 'a b', 'ü', 'ses_1', 'a\n', 'x'.repeat(129)]) {
    await expect(client.sessions.create({ id }), JSON.stringify(id)).rejects.toMatchObject({ status: 422 });
  }

  const prompt = { prompt: 'hi', sessionId: 'Chat.42_b', createSession: true };
  const answers = await Promise.all([1, 2, 3].map(() => client.prompt(prompt)));
  expect(new Set(answers.map(({ sessionId }) => sessionId))).toEqual(new Set(['Chat.42_b']));
  expect(await client.sessions.get('Chat.42_b')).toMatchObject({ title: 'hi', messageCount: 6 });
  const refusals: readonly (readonly [object, number, string])[] = [
    [{ sessionId: 'none' }, 404, 'session_not_found'],
    [{ sessionId: 'ses_none', createSession: true }, 422, 'validation_failed'],
    [{ sessionId: 'a/b', createSession: true }, 422, 'validation_failed'],
    [{ createSession: true }, 422, 'validation_failed'],
  ];
  for (const [more, status, code] of refusals) {
    await expect(client.prompt({ prompt: 'hi', ...more })).rejects.toMatchObject({ status, code });
  }
  await client.sessions.delete('ticket-4711');
  expect((await client.sessions.create({ id: 'ticket-4711' })).messageCount).toBe(0);
});
