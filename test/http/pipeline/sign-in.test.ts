// A browser signs in with a key or a code, and sends a cookie and a token instead of the key.

import { realpathSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeSignInCookies } from '../../../src/http/sign-in/sign-in-cookie.ts';
import { temporaryFolder } from '../../cli/run-cli.ts';
import { startApp } from '../start-app.ts';
import {
  apiKey,
  type ServerWithStore,
  startServerWithStore,
  type TestResponse,
} from '../start-server-with-store.ts';

const unauthorized = { status: 401, code: 'unauthorized' };

interface Signed {
  readonly cookie: string;
  readonly csrfToken: string;
}

/** What the page sends with each request. */
const headersOf = ({ cookie, csrfToken }: Signed): Record<string, string> => ({
  cookie,
  'x-csrf-token': csrfToken,
});

async function signIn(url: string, key: string, headers: Record<string, string> = {}): Promise<Signed> {
  const response = await post(`${url}/api/sign-in`, { authorization: `Bearer ${key}`, ...headers });
  expect(response.status).toBe(201);
  return { cookie: cookieOf(response), csrfToken: (await response.json()).csrfToken };
}

function post(url: string, headers: Record<string, string>): Promise<TestResponse> {
  return fetch(url, { method: 'POST', headers });
}

function cookieOf(response: TestResponse): string {
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

async function newCode(server: ServerWithStore, key = apiKey): Promise<string> {
  const response = await post(`${server.url}/api/sign-in-codes`, { authorization: `Bearer ${key}` });
  expect(response.status).toBe(201);
  return (await response.json()).code;
}

async function newKey(
  server: ServerWithStore,
  scopes: readonly string[],
): Promise<{ id: string; key: string }> {
  return (await server.send('POST', '/api/keys', { name: 'page', scopes })).json();
}

async function answer(
  pending: Promise<TestResponse>,
): Promise<{ status: number; code?: string; detail?: string }> {
  const response = await pending;
  const { code, detail } = await response.json();
  return { status: response.status, code, detail };
}

const read = (url: string, headers: Record<string, string>): Promise<TestResponse> =>
  fetch(`${url}/api/sessions`, { headers });

test('a signed-in browser needs its cookie and its token', async () => {
  const { url } = await startServerWithStore();
  const signed = await signIn(url, apiKey);
  const { cookie, csrfToken } = signed;
  expect((await read(url, headersOf(signed))).status).toBe(200);
  expect(await answer(read(url, { cookie }))).toMatchObject(unauthorized);
  expect(await answer(read(url, { 'x-csrf-token': csrfToken }))).toMatchObject(unauthorized);
  const other = await signIn(url, apiKey);
  const mixed = { cookie, 'x-csrf-token': other.csrfToken };
  expect(await answer(read(url, mixed))).toMatchObject({
    ...unauthorized,
    detail: 'The sign-in has ended. Sign in again.',
  });
  for (const changed of [
    cookie.slice(0, -1),
    `${cookie}A`,
    cookie.replace('.', 'A.'),
    'codebuddy_sign_in=',
  ]) {
    expect(await answer(read(url, headersOf({ cookie: changed, csrfToken })))).toMatchObject(unauthorized);
  }
});

test('no script can read the cookie, and no other page makes the browser send it', async () => {
  const { url } = await startServerWithStore();
  const authorization = `Bearer ${apiKey}`;
  const response = await post(`${url}/api/sign-in`, { authorization });
  const { port } = new URL(url);
  expect(response.headers.get('set-cookie')).toMatch(
    new RegExp(`^codebuddy_sign_in_${port}=[\\w.-]+; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict$`),
  );
  const secure = await post(`${url}/api/sign-in`, { authorization, origin: url.replace('http:', 'https:') });
  expect(secure.headers.get('set-cookie')).toMatch(/; Secure$/);
});

test('a sign-in has the scopes of its key, and ends with it', async () => {
  const server = await startServerWithStore();
  const { id, key } = await newKey(server, ['read']);
  const headers = headersOf(await signIn(server.url, key));
  expect(await (await fetch(`${server.url}/api/sign-in`, { headers })).json()).toMatchObject({
    keyId: id,
    scopes: ['read'],
  });
  expect(await answer(post(`${server.url}/api/keys`, headers))).toMatchObject({ status: 403 });
  await server.send('DELETE', `/api/keys/${id}`);
  expect(await answer(read(server.url, headers))).toMatchObject(unauthorized);
});

test('a code signs one browser in, and does nothing else', async () => {
  const server = await startServerWithStore();
  const code = await newCode(server);
  const bearer = { authorization: `Bearer ${code}` };
  expect(await answer(read(server.url, bearer))).toMatchObject(unauthorized);
  expect(await answer(post(`${server.url}/api/sign-in-codes`, bearer))).toMatchObject(unauthorized);
  const tries = await Promise.all(Array.from({ length: 5 }, () => post(`${server.url}/api/sign-in`, bearer)));
  expect(tries.map(({ status }) => status).sort()).toEqual([201, 401, 401, 401, 401]);
  for (const { status, headers } of tries)
    if (status === 401) expect(headers.get('www-authenticate')).toBe('Bearer');
  expect(await answer(post(`${server.url}/api/sign-in`, bearer))).toMatchObject({
    ...unauthorized,
    detail: expect.stringContaining('codebuddy open'),
  });
});

test('a code has the scopes of its key, and ends with it', async () => {
  const server = await startServerWithStore();
  const { id, key } = await newKey(server, ['read']);
  const signed = await signIn(server.url, await newCode(server, key));
  expect(await answer(post(`${server.url}/api/keys`, headersOf(signed)))).toMatchObject({ status: 403 });
  const code = await newCode(server, key);
  await server.send('DELETE', `/api/keys/${id}`);
  expect(await answer(post(`${server.url}/api/sign-in`, { authorization: `Bearer ${code}` }))).toMatchObject(
    unauthorized,
  );
});

test('a signed-in browser can renew its sign-in, and sign out', async () => {
  const { url } = await startServerWithStore();
  const first = await signIn(url, apiKey);
  const renewed = await post(`${url}/api/sign-in`, headersOf(first));
  expect(renewed.status).toBe(201);
  expect(cookieOf(renewed)).not.toBe(first.cookie);
  const ended = await fetch(`${url}/api/sign-in`, { method: 'DELETE', headers: headersOf(first) });
  expect(ended.status).toBe(204);
  expect(ended.headers.get('set-cookie')).toMatch(/^codebuddy_sign_in_\d+=; Path=\/; Max-Age=0; /);
});

test('a page of another origin cannot use a sign-in', async () => {
  const { url } = await startServerWithStore();
  const headers = { ...headersOf(await signIn(url, apiKey)), origin: 'http://evil.example' };
  expect(await answer(post(`${url}/api/stream-tickets`, headers))).toMatchObject({
    status: 403,
    code: 'origin_not_allowed',
  });
});

test('a sign-in lasts 7 days', () => {
  let now = 1_000_000;
  const cookies = makeSignInCookies({ secret: 's', current: (identity) => identity, now: () => now });
  const { setCookie, csrfToken } = cookies.signIn({ keyId: 'key_1', scopes: ['read'] }, 'localhost', false);
  const cookie = setCookie.split(';')[0] ?? '';
  const expected = { keyId: 'key_1', scopes: ['read'], signedInUntil: now + 604_800_000 };
  now += 604_799_999;
  expect(cookies.identify(cookie, csrfToken, 'localhost')).toEqual(expected);
  now += 1;
  expect(cookies.identify(cookie, csrfToken, 'localhost')).toBeUndefined();
});

test('a sign-in survives a restart, and ends when the key of the environment changes', async () => {
  const folder = realpathSync(temporaryFolder());
  const environment = { CODEBUDDY_API_KEY: 'the-first-key-of-the-environment' };
  const first = await startApp({ folder, environment });
  const { port } = new URL(first.url);
  const signed = await signIn(first.url, environment.CODEBUDDY_API_KEY);
  await first.app.stop();
  // The next server has another port, so its cookie has another name. In practice, the port stays the same.
  const at = (url: string): Signed => ({ ...signed, cookie: signed.cookie.replace(port, new URL(url).port) });
  const second = await startApp({ folder, environment });
  expect((await read(second.url, headersOf(at(second.url)))).status).toBe(200);
  await second.app.stop();
  const third = await startApp({
    folder,
    environment: { CODEBUDDY_API_KEY: 'another-key-of-the-environment' },
  });
  expect(await answer(read(third.url, headersOf(at(third.url))))).toMatchObject(unauthorized);
});
