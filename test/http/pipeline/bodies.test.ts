import { describe, expect, test } from 'vitest';
import { startServer, type TestServer, testKey } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

/** A server whose tool returns its parameters. */
function startEcho(config: { maxRequestSize?: number } = {}): Promise<TestServer> {
  return startServer({
    config,
    handlers: { onToolExecute: (_tool, params) => params, onPrompt: (prompt) => prompt },
  });
}

const head = (more: string): string =>
  `POST /api/tools/echo HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${testKey}\r\n${more}\r\n`;
const json = 'Content-Type: application/json\r\n';

function withLength(body: Buffer | string): (string | Buffer)[] {
  const bytes = Buffer.from(body);
  return [head(`${json}Content-Length: ${bytes.length}\r\n`), bytes];
}

describe('bodies that are not JSON', () => {
  test.each([
    ['cut off', '{"a":'],
    ['a lone brace', '{'],
    ['single quotes', "{'a':1}"],
    ['a trailing comma', '{"a":1,}'],
    ['two values', '{}{}'],
    ['NaN', '{"a":NaN}'],
    ['a raw NUL', '{"a":"\0"}'],
    ['white space only', '  \n'],
    ['form data', 'a=1&b=2'],
  ])('%s: 400', async (_what, body) => {
    const { port } = await startEcho();
    expect(await sendOne(port, withLength(body))).toMatchObject({
      status: 400,
      json: { code: 'invalid_body' },
    });
  });

  test('invalid UTF-8: 400', async () => {
    const { port } = await startEcho();
    for (const bytes of [Buffer.from([0x22, 0xc3, 0x28, 0x22]), Buffer.from('{"a":"\xff"}', 'latin1')]) {
      expect(await sendOne(port, withLength(bytes))).toMatchObject({
        status: 400,
        json: { code: 'invalid_body' },
      });
    }
  });

  test('a byte order mark is accepted', async () => {
    const { port } = await startEcho();
    expect((await sendOne(port, withLength('\ufeff{"a":1}'))).json).toEqual({ result: { a: 1 } });
  });

  test('NUL, lone surrogates and emoji in strings are returned unchanged', async () => {
    const { port } = await startEcho();
    const answer = await sendOne(
      port,
      withLength('{"a":"\\u0000","b":"\\ud800","c":"\ud83d\ude00","d":"\\udc00x"}'),
    );
    expect(answer.status).toBe(200);
    expect(answer.json.result).toEqual({ a: '\0', b: '\ud800', c: '😀', d: '\udc00x' });
  });

  test('a lone surrogate in a prompt causes no error', async () => {
    const { port, request } = await startEcho();
    const body = '{"prompt":"a\\ud800\\u0000b"}';
    expect((await request('POST', '/api/prompt', { body })).json.response).toBe('a\ud800\0b');
    expect(port).toBeGreaterThan(0);
  });

  test('malformed chunks: 400, and the connection ends', async () => {
    const { port } = await startEcho();
    const answer = await sendOne(port, [
      head(`${json}Transfer-Encoding: chunked\r\n`),
      'zz\r\n{}\r\n0\r\n\r\n',
    ]);
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_body' } });
  });

  test('a missing body counts as {} if nothing is required, else 400', async () => {
    const { request } = await startEcho();
    expect((await request('POST', '/api/tools/echo')).json).toEqual({ result: {} });
    expect(await request('POST', '/api/prompt')).toMatchObject({
      status: 400,
      json: { code: 'invalid_body' },
    });
    const empty = await request('POST', '/api/tools/echo', {
      headers: { 'content-type': 'application/json' },
    });
    expect(empty.json).toEqual({ result: {} });
  });
});

describe('poisoned bodies', () => {
  test.each([
    '{"__proto__":{"admin":true}}',
    '{"a":{"b":[{"__proto__":1}]}}',
    '{"\\u005f_proto__":{}}',
    '{"constructor":{"prototype":{"admin":true}}}',
    '[[{"constructor":{"prototype":1}}]]',
    '{"a":{"const\\u0072uctor":{"prototype":{}}}}',
  ])('%s: 400', async (body) => {
    const { request } = await startEcho();
    expect(await request('POST', '/api/tools/echo', { body })).toMatchObject({
      status: 400,
      json: { code: 'invalid_body' },
    });
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test('a harmless "constructor" or "prototype" is accepted', async () => {
    const { request } = await startEcho();
    const body = { constructor: 'Ford', prototype: 'T', x: { constructor: { name: 'a' } }, y: '__proto__' };
    expect((await request('POST', '/api/tools/echo', { body })).json.result).toEqual(body);
  });

  test('deep nesting is refused, of arrays and of objects', async () => {
    const { request } = await startEcho();
    for (const body of [
      '['.repeat(400_000),
      '{"a":'.repeat(150_000),
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
    ]) {
      expect((await request('POST', '/api/tools/echo', { body })).status).toBe(400);
    }
    const nested = `{"a":${'['.repeat(199)}${']'.repeat(199)}}`;
    expect((await request('POST', '/api/tools/echo', { body: nested })).status).toBe(200);
  });
});

describe('media types', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    'application/jsonp',
    'application/ld+json',
    'garbage',
    '/',
  ])('%s: 415', async (type) => {
    const { request } = await startEcho();
    const answer = await request('POST', '/api/tools/echo', {
      body: '{}',
      headers: { 'content-type': type },
    });
    expect(answer).toMatchObject({ status: 415, json: { code: 'unsupported_media_type' } });
  });

  test.each([
    'application/json',
    'Application/JSON',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
  ])('%s is JSON', async (type) => {
    const { request } = await startEcho();
    const answer = await request('POST', '/api/tools/echo', {
      body: '{}',
      headers: { 'content-type': type },
    });
    expect(answer.status).toBe(200);
  });

  test('a body without a type, and a compressed one: 415', async () => {
    const { port } = await startEcho();
    expect((await sendOne(port, [head('Content-Length: 2\r\n'), '{}'])).status).toBe(415);
    const zipped = await sendOne(port, [
      head(`${json}Content-Encoding: gzip\r\nContent-Length: 2\r\n`),
      '{}',
    ]);
    expect(zipped.status).toBe(415);
    expect(zipped.headers['accept-encoding']).toBe('identity');
  });
});

describe('size', () => {
  const max = 1000;

  test('a body of exactly the limit is accepted, one byte more is 413', async () => {
    const { request } = await startEcho({ maxRequestSize: max });
    const sized = (bytes: number): string => `{"a":"${'x'.repeat(bytes - 8)}"}`;
    expect((await request('POST', '/api/tools/echo', { body: sized(max) })).status).toBe(200);
    expect(await request('POST', '/api/tools/echo', { body: sized(max + 1) })).toMatchObject({
      status: 413,
      json: { code: 'body_too_large' },
    });
  });

  test('chunked bodies are counted as they arrive', async () => {
    const { port } = await startEcho({ maxRequestSize: max });
    const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`;
    const answer = await sendOne(port, [head(`${json}Transfer-Encoding: chunked\r\n`), chunk, chunk, chunk]);
    expect(answer).toMatchObject({ status: 413, json: { code: 'body_too_large' } });
    expect(answer.headers.connection).toBe('close');
  });

  test('a client that sends 50 MB receives the 413, not a broken pipe', async () => {
    const { request } = await startEcho();
    const answer = await request('POST', '/api/tools/echo', { body: `"${'x'.repeat(50_000_000)}"` });
    expect(answer.status).toBe(413);
  });

  test('Expect: 100-continue is answered 413 before the body is sent', async () => {
    const { port } = await startEcho({ maxRequestSize: max });
    const refused = await sendOne(port, head(`${json}Expect: 100-continue\r\nContent-Length: 5000\r\n`));
    expect(refused.status).toBe(413);
    const stranger = await sendOne(
      port,
      `POST /api/tools/x HTTP/1.1\r\nHost: localhost\r\n${json}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n`,
    );
    expect(stranger.status).toBe(401);
    const passed = await sendOne(port, [
      head(`${json}Expect: 100-continue\r\nContent-Length: 7\r\n`),
      30,
      '{"a":1}',
    ]);
    expect(passed.json).toEqual({ result: { a: 1 } });
  });
});

describe('schemas', () => {
  test('every invalid field is named by a JSON Pointer', async () => {
    const { request } = await startEcho();
    const body = {
      promt: 1,
      sessionId: '',
      options: { maxSteps: 'many', 'a/b~c': 1, permissionMode: 'root' },
    };
    const answer = await request('POST', '/api/prompt', { body });
    expect(answer).toMatchObject({ status: 422, json: { code: 'validation_failed' } });
    expect(answer.json.errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/options/a~1b~0c',
      '/options/maxSteps',
      '/options/permissionMode',
      '/prompt',
      '/promt',
      '/sessionId',
    ]);
    for (const error of answer.json.errors)
      expect(error).toMatchObject({ in: 'body', message: expect.any(String) });
  });

  test('bodies are not coerced, queries are', async () => {
    const { request } = await startServer({
      handlers: { onGetSessions: () => [{ id: 'a' }] },
    });
    expect((await request('POST', '/api/prompt', { body: { prompt: 5 } })).status).toBe(422);
    expect((await request('GET', '/api/sessions?limit=7')).status).toBe(200);
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=x',
      'limit=1.5',
      'limit=1&limit=2',
      'cursor=zz',
      'more=1',
      '__proto__=1',
    ]) {
      const answer = await request('GET', `/api/sessions?${query}`);
      expect(answer, query).toMatchObject({ status: 422, json: { code: 'validation_failed' } });
      expect(answer.json.errors[0].in).toBe('query');
    }
  });

  test('a body with thousands of errors is answered with at most 100 of them', async () => {
    const { request } = await startEcho();
    const body = {
      prompt: 'x',
      ...Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, i])),
    };
    const answer = await request('POST', '/api/prompt', { body });
    expect(answer.status).toBe(422);
    expect(answer.json.errors.length).toBeLessThanOrEqual(100);
  });

  test('a root value other than an object is 422', async () => {
    const { request } = await startEcho();
    for (const body of ['null', '[]', '"x"', '7', 'true']) {
      expect((await request('POST', '/api/prompt', { body })).status, body).toBe(422);
    }
  });
});
