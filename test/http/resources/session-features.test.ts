// Sessions: forked from a message, exported completely, deleted with everything.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fillSession, longSession } from '../../agent/long-session.ts';
import { startModelServer } from '../../agent/model-server.ts';
import { calls, says } from '../../agent/start-model-agent.ts';
import { run } from '../../cli/run-cli.ts';
import { startApp } from '../start-app.ts';
import { startServerWithStore } from '../start-server-with-store.ts';

async function messagesOf(client: Awaited<ReturnType<typeof startApp>>['client'], id: string) {
  return (await client.sessions.messages(id, { limit: 200 })).messages;
}

test('a fork continues from its message, and the model sees the copied messages', async () => {
  const model = await startModelServer([
    calls('read_file', { path: 'a.txt' }),
    says('Alpha.'),
    says('Beta.'),
    says('Gamma.'),
  ]);
  const { client, write } = await startApp({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } } },
  });
  write('a.txt', 'alpha');
  const first = await client.prompt({ prompt: 'one' });
  await client.prompt({ prompt: 'two', sessionId: first.sessionId });
  const before = await messagesOf(client, first.sessionId);
  expect(before.map(({ role }) => role)).toEqual(['user', 'tool', 'assistant', 'user', 'assistant']);
  const fork = await client.sessions.fork(first.sessionId, {
    messageId: before[2]?.id ?? '',
    title: 'Another way',
  });
  expect(fork).toMatchObject({
    title: 'Another way',
    messageCount: 3,
    forkedFrom: { sessionId: first.sessionId, messageId: before[2]?.id },
    cost: 0,
  });
  const copied = await messagesOf(client, fork.id);
  expect(copied.map(({ role, content, tool }) => [role, content, tool])).toEqual(
    before.slice(0, 3).map(({ role, content, tool }) => [role, content, tool]),
  );
  expect(new Set([...copied, ...before].map(({ id }) => id)).size).toBe(8);
  await client.prompt({ prompt: 'three', sessionId: fork.id });
  expect(model.requests.at(-1)?.messages.map(({ role, text }) => `${role} ${text}`.trim())).toEqual([
    'user one',
    'assistant',
    'tool',
    'assistant Alpha.',
    'user three',
  ]);
  expect(await messagesOf(client, first.sessionId)).toHaveLength(5);
  // A fork of the whole fork.
  expect((await client.sessions.fork(fork.id)).messageCount).toBe(5);
});

test('lists sessions by a part of the title, and the forks of a session', async () => {
  const { client } = await startApp();
  const titles = ['Ändere die Tests', 'Release notes', 'Release 2.0 (50%)', 'Plan'];
  const sessions = [];
  for (const title of titles) sessions.push(await client.sessions.create({ title }));
  const titled = async (title: string) =>
    (await client.sessions.list({ title })).sessions.map((session) => session.title);
  expect(await titled('RELEASE')).toEqual(['Release 2.0 (50%)', 'Release notes']);
  expect(await titled('ändere')).toEqual(['Ändere die Tests']);
  // Neither is a wildcard.
  expect(await titled('50%')).toEqual(['Release 2.0 (50%)']);
  expect(await titled('%')).toEqual(['Release 2.0 (50%)']);
  expect(await titled('_')).toEqual([]);
  const first = await client.sessions.list({ title: 'release', limit: 1 });
  const second = await client.sessions.list({ title: 'release', limit: 1, cursor: first.nextCursor ?? '' });
  expect(second).toMatchObject({ sessions: [{ title: 'Release notes' }], nextCursor: null });

  const { sessionId } = await client.prompt({ prompt: 'help' });
  await client.sessions.update(sessionId, { metadata: { odd: '\u0000' } });
  const forks = [await client.sessions.fork(sessionId), await client.sessions.fork(sessionId)];
  const found = await client.sessions.list({ forkedFrom: sessionId });
  expect(found.sessions.map(({ id }) => id)).toEqual(forks.map(({ id }) => id).reverse());
  expect((await client.sessions.list({ forkedFrom: sessions[0]?.id ?? '' })).sessions).toEqual([]);
});

test('the event that ends a tool call names the message with its output', async () => {
  const { client, write } = await startApp();
  write('a.txt', 'alpha');
  const { sessionId } = await client.prompt({ prompt: 'read a.txt\nread b.txt' });
  const { events } = await client.events.list({ sessionId, type: 'tool.complete,tool.error' });
  const messages = (await messagesOf(client, sessionId)).filter(({ role }) => role === 'tool');
  expect(messages).toHaveLength(2);
  expect(events.map(({ data }) => 'messageId' in data && data.messageId)).toEqual(
    messages.map(({ id }) => id),
  );
  expect(messages.map(({ tool }) => tool?.durationMs)).toEqual(
    events.map(({ data }) => 'durationMs' in data && data.durationMs),
  );
  await client.tools.execute('read_file', { path: 'a.txt' });
  const direct = await client.events.list({ type: 'tool.complete', order: 'desc', limit: 1 });
  expect(direct.events[0]?.data).not.toHaveProperty('messageId');
});

test('a fork at a message of another session names the field', async () => {
  const { client } = await startApp();
  const one = await client.prompt({ prompt: 'help' });
  const other = await client.prompt({ prompt: 'help' });
  const [message] = await messagesOf(client, other.sessionId);
  await expect(client.sessions.fork(one.sessionId, { messageId: message?.id ?? '' })).rejects.toMatchObject({
    status: 422,
    errors: [{ pointer: '/messageId' }],
  });
  await expect(client.sessions.fork('ses_nothing')).rejects.toMatchObject({ status: 404 });
});

test('an export contains everything, as JSON and as safe Markdown', async () => {
  const { client, url, home, write } = await startApp();
  write('evil.md', '```\n## Agent\n````\ntext');
  const { sessionId } = await client.prompt({ prompt: 'read evil.md\n## Not a heading' });
  const json = await client.sessions.export(sessionId);
  expect(json.session.id).toBe(sessionId);
  expect(json.messages).toEqual(await messagesOf(client, sessionId));
  const markdown = await client.sessions.export(sessionId, { format: 'markdown' });
  expect(markdown.split('\n').filter((line) => line.startsWith('## '))).toHaveLength(json.messages.length);
  expect(markdown).toContain('> ## Not a heading');
  expect(markdown).toContain('`````\n');
  const key = readFileSync(join(home, 'api', 'api-key'), 'utf8').trim();
  const response = await fetch(`${url}/api/sessions/${sessionId}/export?format=markdown`, {
    headers: { 'x-api-key': key },
  });
  expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
  expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="[a-z0-9-]+\.md"$/);
  const bad = await fetch(`${url}/api/sessions/${sessionId}/export?format=pdf`, {
    headers: { 'x-api-key': key },
  });
  expect([bad.status, ((await bad.json()) as { errors: { pointer: string }[] }).errors[0]?.pointer]).toEqual([
    422,
    '/format',
  ]);
});

test('deleting a session deletes its messages and runs, but not its events', async () => {
  const { client } = await startApp();
  const { sessionId, runId } = await client.prompt({ prompt: 'help' });
  await client.sessions.delete(sessionId);
  await expect(client.sessions.get(sessionId)).rejects.toMatchObject({ status: 404 });
  await expect(client.runs.get(runId)).rejects.toMatchObject({ status: 404 });
  const { events } = await client.events.list({ sessionId });
  expect(events.map(({ type }) => type)).toContain('session.end');
});

test('the server answers other requests while it forks and exports a long session', async () => {
  const { get, send, store } = await startServerWithStore();
  await fillSession(store, 5000, 200);
  let isDone = false;
  const health = (async () => {
    let answered = 0;
    for (; !isDone; answered++) expect((await get('/health')).status).toBe(200);
    return answered;
  })();
  const [fork, exported] = await Promise.all([
    send('POST', `/api/sessions/${longSession}/fork`, {}),
    get(`/api/sessions/${longSession}/export`),
  ]);
  expect(await fork.json()).toMatchObject({ messageCount: 5000 });
  expect((await exported.json()).messages).toHaveLength(5000);
  isDone = true;
  // If the work were done in one turn of the event loop, the first answer would come after it.
  expect(await health).toBeGreaterThan(5);
});

test('sessions are forked and exported on the command line', async () => {
  const { client, home } = await startApp();
  const { sessionId } = await client.prompt({ prompt: 'help' });
  const forked = await run(home, ['sessions', 'fork', sessionId, '--title', 'copy', '--json']);
  expect(JSON.parse(forked.stdout)).toMatchObject({ title: 'copy', messageCount: 2 });
  expect((await run(home, ['sessions', 'export', sessionId, '--format', 'markdown'])).stdout).toContain(
    '# help',
  );
  const file = join(home, 'export.json');
  expect((await run(home, ['sessions', 'export', sessionId, '--output', file])).stdout).toContain('Wrote ');
  expect(JSON.parse(readFileSync(file, 'utf8')).messages).toHaveLength(2);
  expect((await run(home, ['sessions', 'export', sessionId, '--output', file])).code).toBe(1);
  expect((await run(home, ['sessions', 'export', sessionId, '--format', 'pdf'])).code).toBe(2);
});

test('sessions say how they came in, and are found by it', async () => {
  const { client } = await startApp();
  const { sessionId } = await client.prompt({ prompt: 'hello' });
  const created = await client.sessions.create({ title: 'empty' });
  expect((await client.sessions.list()).sessions.map(({ origin }) => origin)).toEqual(['rest', 'rest']);
  expect((await client.sessions.list({ origin: 'openai' })).sessions).toEqual([]);
  expect((await client.sessions.list({ origin: 'rest' })).sessions.map(({ id }) => id)).toEqual([
    created.id,
    sessionId,
  ]);
  expect((await client.sessions.export(sessionId)).session.origin).toBe('rest');
});
