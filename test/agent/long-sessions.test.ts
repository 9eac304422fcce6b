// Sessions of many and of long messages: copied whole or not at all, exported piece by piece.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store, Write } from '../../src/store/store.ts';
import { serve, temporaryFolder } from '../cli/run-cli.ts';
import { startAgent } from './start-agent.ts';

const apiKey = 'key-of-the-long-sessions-test';
const source = 'ses_00000000000000000000000000';

async function fillSession(store: Store, count: number, length = 10): Promise<void> {
  const details = JSON.stringify({ model: null, metadata: {} });
  await store.write([
    { kind: 'putSession', session: { id: source, title: 'long', createdAt: 1, updatedAt: 1, details } },
  ]);
  for (let at = 0; at < count; at += 500) {
    await store.write(
      Array.from({ length: Math.min(500, count - at) }, (_, i): Write => {
        const number = String(at + i).padStart(6, '0');
        return {
          kind: 'addMessage',
          message: {
            id: `msg_00000000000000000000${number}`,
            sessionId: source,
            runId: null,
            role: i % 2 === 0 ? 'user' : 'assistant',
            createdAt: at + i,
            content: JSON.stringify({ content: `${number}${'x'.repeat(length)}` }),
          },
        };
      }),
    );
  }
}

/** A server whose store holds the long session already. */
async function serveLong(count: number, length?: number, more: Readonly<Record<string, string>> = {}) {
  const home = temporaryFolder();
  const path = join(home, 'api', 'codebuddy.db');
  const store = await openSqliteStore({ path });
  await fillSession(store, count, length);
  await store.close();
  const environment = { CODEBUDDY_API_KEY: apiKey, ...more };
  return { home, path, environment, server: await serve(home, [], environment) };
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

it.each([100, 101, 250])('a fork of %i messages has all of them, in their order', async (count) => {
  const { agent, store } = await startAgent();
  await fillSession(store, count);
  const fork = await agent.sessions.fork(source, {});
  expect(fork.messageCount).toBe(count);
  expect(await contentsOf(agent, fork.id)).toEqual(await contentsOf(agent, source));
});

it('a fork of few long messages has all of them', async () => {
  const { agent, store } = await startAgent();
  await fillSession(store, 20, 1_000_000);
  const fork = await agent.sessions.fork(source, {});
  expect(fork.messageCount).toBe(20);
  expect(await contentsOf(agent, fork.id)).toEqual(await contentsOf(agent, source));
});

it('a fork whose source is deleted meanwhile fails, and leaves nothing', async () => {
  const { agent, store } = await startAgent();
  await fillSession(store, 5000);
  const forking = agent.sessions.fork(source, {});
  const failed = expect(forking).rejects.toMatchObject({ code: 'session_not_found' });
  await agent.sessions.delete(source);
  await failed;
  expect((await agent.sessions.list({ limit: 10 })).items).toEqual([]);
});

it('a fork that is cut off by kill -9 leaves no half session', async () => {
  const { home, path, environment, server } = await serveLong(20_000);
  const forking = fetch(`${server.url}/api/sessions/${source}/fork`, { method: 'POST', headers, body: '{}' });
  forking.catch(() => undefined);
  const database = new DatabaseSync(path, { readOnly: true });
  const copied = (): number =>
    Number(database.prepare('SELECT count(*) AS n FROM messages WHERE session_id <> ?').get(source)?.n);
  await expect.poll(copied, { interval: 1 }).toBeGreaterThan(0);
  server.child.kill('SIGKILL');
  await server.finished;
  expect(copied()).toBeLessThan(20_000);
  database.close();

  const next = await serve(home, [], environment);
  const response = await fetch(`${next.url}/api/sessions`, { headers });
  const { sessions } = (await response.json()) as { sessions: { id: string; messageCount: number }[] };
  expect(sessions.map(({ id, messageCount }) => [id, messageCount])).toEqual([[source, 20_000]]);
  const after = new DatabaseSync(path, { readOnly: true });
  expect(after.prepare('SELECT count(*) AS n FROM messages').get()?.n).toBe(20_000);
  after.close();
});

it('a page of long messages has fewer of them, and the next one goes on', async () => {
  const { agent, store } = await startAgent();
  await fillSession(store, 20, 1_000_000);
  const first = await agent.sessions.messages(source, { limit: 200 });
  expect(first.items.length).toBeGreaterThan(0);
  expect(first.items.length).toBeLessThan(10);
  expect(first.next).toBe(first.items.at(-1)?.id);
  expect(await contentsOf(agent, source)).toHaveLength(20);
});

it('a page of long events has fewer of them; a reader of the stream gets them all', async () => {
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

it.runIf(process.platform === 'linux')(
  'an export is streamed: a reader that waits fills no memory, and one that goes away ends it',
  async () => {
    // Less than the document of 160 MB: a server that held it would end.
    const { server } = await serveLong(4000, 40_000, { NODE_OPTIONS: '--max-old-space-size=120' });
    const resident = (): number =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))?.[1]) /
      1024;
    const inFlight = async (): Promise<number> => {
      const text = await (
        await fetch(`${server.url}/api/metrics`, { headers: { ...headers, Accept: 'text/plain' } })
      ).text();
      return Number(/in_flight\S* (\d+)/.exec(text)?.[1]);
    };
    const alone = await inFlight();
    const before = resident();
    // This reader takes the head of the document and nothing else.
    const sent = request(`${server.url}/api/sessions/${source}/export`, { headers }).end();
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    expect(response.statusCode).toBe(200);
    await once(response, 'readable');
    expect(await inFlight()).toBe(alone + 1);
    expect(resident() - before).toBeLessThan(120);
    response.destroy();
    await expect.poll(inFlight).toBe(alone);

    const whole = await fetch(`${server.url}/api/sessions/${source}/export`, { headers });
    const { messages } = (await whole.json()) as { messages: unknown[] };
    expect(messages).toHaveLength(4000);
    expect(server.child.exitCode).toBeNull();
  },
);
