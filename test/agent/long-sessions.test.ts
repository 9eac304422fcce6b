// Sessions with many or long messages: copied completely or not at all, exported piece by piece.

import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serve, temporaryFolder } from '../cli/run-cli.ts';
import { startServerWithStore, apiKey as testKey } from '../http/start-server-with-store.ts';
import { usedBytes } from '../live-heap.ts';
import { databaseOf, openTestStore, usesPostgres } from '../postgres/test-store.ts';
import { fillSession, longSession as source } from './long-session.ts';
import { startAgent } from './start-agent.ts';

const apiKey = 'key-of-the-long-sessions-test';

/** A server whose store already has the long session. */
async function serveLong(count: number, length?: number, more: Readonly<Record<string, string>> = {}) {
  const home = temporaryFolder();
  const path = join(home, 'api', 'codebuddy.db');
  const { store, close } = await openTestStore({ path: usesPostgres ? home : path });
  await fillSession(store, count, length);
  await close();
  const environment = { CODEBUDDY_API_KEY: apiKey, ...more };
  return {
    home,
    query: await openTables(home, path),
    environment,
    server: await serve(home, [], environment),
  };
}

/** Returns a function that runs a statement on the tables of a server, as another process. */
async function openTables(
  home: string,
  path: string,
): Promise<(sql: string) => Promise<Readonly<Record<string, unknown>> | undefined>> {
  if (!usesPostgres) {
    const database = new DatabaseSync(path, { readOnly: true });
    onTestFinished(() => database.close());
    return async (sql) => database.prepare(sql).get();
  }
  const client = new pg.Client({ connectionString: await databaseOf(home) });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return async (sql) => (await client.query(sql)).rows[0];
}

const headers = { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' };

async function contentsOf(agent: Awaited<ReturnType<typeof startAgent>>['agent'], id: string) {
  const all: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await agent.sessions.messages(id, { limit: 200, ...(after === undefined ? {} : { after }) });
    all.push(...page.items.map(({ content }) => content));
    if (page.next === undefined) return all;
    after = page.next;
  }
}

it.each([100, 101, 250])('a fork copies %i messages in order', async (count) => {
  const { agent, store } = await startAgent();
  await fillSession(store, count);
  const fork = await agent.sessions.fork(source, {});
  expect(fork.messageCount).toBe(count);
  expect(await contentsOf(agent, fork.id)).toEqual(await contentsOf(agent, source));
});

it('a fork copies long messages', async () => {
  const { agent, store } = await startAgent();
  await fillSession(store, 20, 1_000_000);
  const fork = await agent.sessions.fork(source, {});
  expect(fork.messageCount).toBe(20);
  expect(await contentsOf(agent, fork.id)).toEqual(await contentsOf(agent, source));
});

it('a fork fails without a trace if its source is deleted meanwhile', async () => {
  const { agent, store } = await startAgent();
  await fillSession(store, 5000);
  const forking = agent.sessions.fork(source, {});
  const failed = expect(forking).rejects.toMatchObject({ code: 'session_not_found' });
  await agent.sessions.delete(source);
  await failed;
  expect((await agent.sessions.list({ limit: 10 })).items).toEqual([]);
});

it('kill -9 during a fork leaves no partial session', async () => {
  const count = 10_000;
  const { home, query, environment, server } = await serveLong(count);
  const messages = async (where: string): Promise<number> =>
    Number((await query(`SELECT count(*) AS n FROM messages WHERE ${where}`))?.n);
  const copied = (): Promise<number> => messages(`session_id <> '${source}'`);
  for (let isHalf = false; !isHalf; ) {
    const forking = fetch(`${server.url}/api/sessions/${source}/fork`, {
      method: 'POST',
      headers,
      body: '{}',
    });
    forking.catch(() => undefined);
    await expect.poll(copied, { interval: 1 }).toBeGreaterThan(0);
    server.child.kill('SIGSTOP');
    isHalf = (await copied()) < count;
    if (isHalf) continue;
    // The fork ended before this process had its turn: repeat.
    server.child.kill('SIGCONT');
    const { id } = (await (await forking).json()) as { id: string };
    await fetch(`${server.url}/api/sessions/${id}`, { method: 'DELETE', headers });
    await expect.poll(copied).toBe(0);
  }
  server.child.kill('SIGKILL');
  await server.finished;
  expect(await copied()).toBeLessThan(count);

  const next = await serve(home, [], environment);
  const response = await fetch(`${next.url}/api/sessions`, { headers });
  const { sessions } = (await response.json()) as { sessions: { id: string; messageCount: number }[] };
  expect(sessions.map(({ id, messageCount }) => [id, messageCount])).toEqual([[source, count]]);
  if (usesPostgres) {
    // Another node may still be writing. A start deletes a draft whose writer has committed nothing for ten minutes.
    expect(await copied()).toBeGreaterThan(0);
    await query(`UPDATE commits SET committed_at = committed_at - interval '10 minutes'`);
    await serve(home, [], { ...environment, CODEBUDDY_HOME: temporaryFolder() });
  }
  expect(await messages('true')).toBe(count);
});

it('a page of long messages contains fewer, and the next page continues', async () => {
  const { agent, store } = await startAgent();
  await fillSession(store, 20, 1_000_000);
  const first = await agent.sessions.messages(source, { limit: 200 });
  expect(first.items.length).toBeGreaterThan(0);
  expect(first.items.length).toBeLessThan(10);
  expect(first.next).toBe(first.items.at(-1)?.id);
  expect(await contentsOf(agent, source)).toHaveLength(20);
});

it('a page of long events contains fewer; a stream delivers all', async () => {
  const { log } = await startAgent();
  const text = 'x'.repeat(1_000_000);
  for (let i = 0; i < 12; i++)
    await log.append([{ type: 'message.user', data: { messageId: `msg_${i}`, text } }]);
  const page = await log.read({ limit: 200 });
  expect(page.length).toBeGreaterThan(0);
  expect(page.length).toBeLessThan(10);
  const seen: number[] = [];
  for await (const item of log.subscribe({ after: 0 })) {
    if (item.kind === 'event') seen.push(item.event.sequence);
    if (seen.length === 12) break;
  }
  expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
});

describe('an export', () => {
  const count = 2000;
  const length = 40_000;

  it('is streamed: a stalled reader fills no memory, and a leaving reader ends it', async () => {
    const { url, store, get } = await startServerWithStore();
    await fillSession(store, count, length);
    const inFlight = async (): Promise<number> => {
      const text = await (await get('/api/metrics', { accept: 'text/plain' })).text();
      return Number(/in_flight\S* (\d+)/.exec(text)?.[1]);
    };
    const alone = await inFlight();
    const before = usedBytes();
    // This reader reads only the head of the document.
    const sent = request(`${url}/api/sessions/${source}/export`, {
      headers: { authorization: `Bearer ${testKey}` },
    }).end();
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    expect(response.statusCode).toBe(200);
    await once(response, 'readable');
    expect(await inFlight()).toBe(alone + 1);
    // The store handles one request after the other: an export that did not wait would end after one request for each
    // of its messages.
    for (let i = 0; i < count; i++) await store.getSession(source);
    expect(usedBytes() - before).toBeLessThan((count * length) / 2);
    response.destroy();
    await expect.poll(inFlight).toBe(alone);

    const whole = await get(`/api/sessions/${source}/export`);
    const { messages } = (await whole.json()) as { messages: unknown[] };
    expect(messages).toHaveLength(count);
  });
});
