import { expect, test } from 'vitest';
import { startServerWithStore } from '../start-server-with-store.ts';

test('a key is shown once, has only its scopes, and is refused once revoked', async () => {
  const { url, get, send } = await startServerWithStore();
  const made = await send('POST', '/api/keys', { name: 'ci', scopes: ['read'] });
  expect(made.status).toBe(201);
  const { key, ...rest } = await made.json();
  expect(rest).toMatchObject({ name: 'ci', scopes: ['read'] });
  const headers = { authorization: `Bearer ${key}` };
  expect((await fetch(`${url}/api/events`, { headers })).status).toBe(200);
  expect((await fetch(`${url}/api/keys`, { headers })).status).toBe(403);

  const listed = await (await get('/api/keys')).text();
  expect(listed).not.toContain(key);
  expect(JSON.parse(listed)).toEqual({ keys: [rest], nextCursor: null });

  expect((await send('DELETE', `/api/keys/${rest.id}`)).status).toBe(204);
  expect((await fetch(`${url}/api/events`, { headers })).status).toBe(401);
  const again = await send('DELETE', `/api/keys/${rest.id}`);
  expect(again.status).toBe(404);
  expect(await again.json()).toMatchObject({ code: 'key_not_found' });
});

test('keys are listed in pages', async () => {
  const { get, send } = await startServerWithStore();
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    ids.push((await (await send('POST', '/api/keys', { name, scopes: ['read'] })).json()).id);
  }
  const first = await (await get('/api/keys?limit=2')).json();
  const second = await (await get(`/api/keys?limit=2&cursor=${first.nextCursor}`)).json();
  expect([...first.keys, ...second.keys].map(({ id }) => id)).toEqual(ids);
  expect(second.nextCursor).toBeNull();
});

test.each([
  [{}, '/name'],
  [{ name: ' ', scopes: ['read'] }, '/name'],
  [{ name: 'x', scopes: [] }, '/scopes'],
  [{ name: 'x', scopes: ['root'] }, '/scopes/0'],
  [{ name: 'x', scopes: ['read'], key: 'mine' }, '/key'],
])('creating a key with %o is refused, naming %s', async (body, pointer) => {
  const { send } = await startServerWithStore();
  const response = await send('POST', '/api/keys', body);
  expect(response.status).toBe(422);
  const { errors } = await response.json();
  expect(errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
});
