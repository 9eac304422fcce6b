import { describe, expect, test } from 'vitest';
import { RestApiServer } from '../../../src/api/rest-server.ts';
import type { Scope } from '../../../src/contract/api-key.ts';
import type { KeyService } from '../../../src/http/services.ts';
import { startServer, testKey } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

/** A key service in which each key is its own id. */
function keyService(keys: Readonly<Record<string, readonly Scope[]>>): KeyService {
  const scopesOf = new Map(Object.entries(keys));
  return {
    verify: (key) => {
      const scopes = scopesOf.get(key);
      return scopes === undefined ? undefined : { id: key, scopes };
    },
    list: async () => [],
    create: async () => {
      throw new Error('not here');
    },
    update: async () => {
      throw new Error('not here');
    },
    revoke: async () => undefined,
  };
}

describe('the API key', () => {
  test.each([
    ['X-API-Key', testKey],
    ['Authorization', `Bearer ${testKey}`],
    ['Authorization', `bearer  ${testKey}`],
    ['Authorization', testKey],
  ])('is read from %s: %s', async (name, value) => {
    const { request } = await startServer();
    expect((await request('GET', '/api', { key: null, headers: { [name]: value } })).status).toBe(200);
  });

  test.each([
    ['nothing', ''],
    ['an empty X-API-Key', 'X-API-Key:\r\n'],
    ['an empty Authorization', 'Authorization:\r\n'],
    ['Bearer without a key', 'Authorization: Bearer\r\n'],
    ['a wrong key', 'X-API-Key: wrong\r\n'],
    ['the key with a letter more', `X-API-Key: ${testKey}x\r\n`],
    ['the beginning of the key', `X-API-Key: ${testKey.slice(0, -1)}\r\n`],
    ['the key in another case', `X-API-Key: ${testKey.toUpperCase()}\r\n`],
    ['another scheme', `Authorization: Basic ${testKey}\r\n`],
    ['a very long key', `X-API-Key: ${'k'.repeat(10_000)}\r\n`],
    ['a key of strange bytes', 'X-API-Key: \xff\xfe\r\n'],
  ])('%s is answered 401', async (_what, header) => {
    const { port } = await startServer();
    const answer = await sendOne(port, [
      Buffer.from(`GET /api HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`, 'latin1'),
    ]);
    expect(answer).toMatchObject({ status: 401, json: { code: 'unauthorized' } });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.body).not.toContain(testKey);
  });

  test('is required before routes, methods or bodies are revealed', async () => {
    const { request } = await startServer();
    const answers = [
      await request('GET', '/none', { key: null }),
      await request('DELETE', '/api', { key: null }),
      await request('POST', '/health', { key: null }),
      await request('POST', '/api/prompt', { key: null, body: '{"broken' }),
      await request('POST', '/api/prompt', {
        key: null,
        body: 'x',
        headers: { 'content-type': 'text/plain' },
      }),
      await request('GET', '/%68ealth', { key: null }),
      await request('GET', '//health', { key: null }),
      await request('GET', '/docs/../api', { key: null }),
    ];
    for (const { status } of answers) expect(status).toBe(401);
  });

  test('may be one of several configured keys', async () => {
    const { request } = await startServer({ config: { apiKey: ['first-key', 'second-key'] } });
    expect((await request('GET', '/api', { key: 'first-key' })).status).toBe(200);
    expect((await request('GET', '/api', { key: 'second-key' })).status).toBe(200);
    expect((await request('GET', '/api', { key: 'third-key' })).status).toBe(401);
  });

  test('is refused at construction if no client could send it', () => {
    for (const apiKey of ['two words', 'k'.repeat(600), 'caf\xe9']) {
      expect(() => new RestApiServer({ apiKey }), apiKey).toThrow(/apiKey/);
    }
  });

  test('is answered 403 before the body is read if it lacks the scope', async () => {
    const { request } = await startServer({
      services: { keys: keyService({ reader: ['read'], worker: ['read', 'tools'] }) },
      handlers: { onToolExecute: () => 'done' },
    });
    const refused = await request('POST', '/api/tools/x', { key: 'reader', body: '{"broken' });
    expect(refused).toMatchObject({ status: 403, json: { code: 'insufficient_scope' } });
    expect(refused.json.detail).toContain('"tools"');
    expect((await request('POST', '/api/tools/x', { key: 'worker', body: {} })).json).toEqual({
      result: 'done',
    });
    expect((await request('GET', '/api', { key: 'reader' })).status).toBe(200);
    expect((await request('GET', '/none', { key: 'reader' })).status).toBe(404);
  });
});

describe('guessing keys', () => {
  test('is slowed down; the right key from the same address is never refused', async () => {
    const { request } = await startServer({ config: { failedTriesPerMinute: 5 } });
    const statuses: number[] = [];
    for (let i = 0; i < 25; i++) {
      statuses.push((await request('GET', '/api', { key: `guess-${i}` })).status);
      expect((await request('GET', '/api')).status).toBe(200);
    }
    expect(statuses).toEqual([...Array(5).fill(401), ...Array(20).fill(429)]);
    const slowed = await request('GET', '/api', { key: 'one-more' });
    expect(slowed).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    const wait = Number(slowed.headers.get('retry-after'));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60);
    expect((await request('GET', '/health', { key: null })).status).toBe(200);
  });

  test('with one old key is slowed down, and locks out no other client', async () => {
    const { request } = await startServer({ config: { failedTriesPerMinute: 3 } });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await request('GET', '/api', { key: 'old-key' })).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await request('GET', '/api')).status).toBe(200);
  });

  test('does not include requests without a key', async () => {
    const { request } = await startServer({ config: { failedTriesPerMinute: 2 } });
    for (let i = 0; i < 5; i++) expect((await request('GET', '/api', { key: null })).status).toBe(401);
    expect((await request('GET', '/api')).status).toBe(200);
  });
});
