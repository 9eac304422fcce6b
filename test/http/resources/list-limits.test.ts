// Every list takes `limit` from 1 to 200, on every route.

import { expect, test } from 'vitest';
import { startApp } from '../start-app.ts';
import { appendMany, startServerWithStore } from '../start-server-with-store.ts';

interface Described {
  readonly paths: Readonly<Record<string, { readonly get?: { readonly parameters?: { name: string }[] } }>>;
}

test('every list accepts limit=200 and refuses limit=201', async () => {
  const { client, url } = await startApp();
  const { runId, sessionId } = await client.prompt({ prompt: 'help' });
  const { key } = await client.keys.create({ name: 'all', scopes: ['read', 'admin'] });
  const trigger = await client.triggers.create({ source: 'bearer', prompt: 'x' });
  const idIn = (path: string): string =>
    path.includes('/runs/') ? runId : path.includes('/triggers/') ? trigger.id : sessionId;
  const { paths } = (await client.openapi()) as unknown as Described;
  const lists = Object.entries(paths)
    .filter(([, { get }]) => get?.parameters?.some(({ name }) => name === 'limit'))
    .map(([path]) => path.replace('{id}', idIn(path)))
    .map((path) => `${path}${path.endsWith('/search') ? '?q=help&' : '?'}`);
  expect(lists.length).toBeGreaterThanOrEqual(11);
  const statusOf = async (path: string): Promise<number> =>
    (await fetch(url + path, { headers: { 'x-api-key': key } })).status;
  for (const path of lists) {
    expect(await statusOf(`${path}limit=200`), path).toBe(200);
    expect(await statusOf(`${path}limit=1`), path).toBe(200);
    expect(await statusOf(`${path}limit=201`), path).toBe(422);
  }
});

test.each(['asc', 'desc'])('pages of 200 events, %s, contain every event once', async (order) => {
  const { get, log } = await startServerWithStore();
  const logged = await appendMany(log, 400);
  const first = await (await get(`/api/events?limit=200&order=${order}`)).json();
  expect(first.events).toHaveLength(200);
  const second = await (await get(`/api/events?limit=200&order=${order}&cursor=${first.nextCursor}`)).json();
  // Exactly full: there is no empty page after it.
  expect(second.nextCursor).toBeNull();
  const seen = [...first.events, ...second.events].map(({ id }: { id: string }) => id);
  const expected = logged.map(({ id }) => id);
  expect(seen).toEqual(order === 'asc' ? expected : expected.reverse());
});
