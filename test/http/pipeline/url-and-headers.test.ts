import { describe, expect, test } from 'vitest';
import { startServer, testKey } from '../start-server.ts';
import { sendOne, sendRaw } from './raw-socket.ts';

const key = `X-API-Key: ${testKey}\r\n`;
const get = (target: string, headers = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${key}${headers}\r\n`;

describe('the request target', () => {
  test.each([
    ['/api/%zz', 400, 'invalid_url'],
    ['/api/%', 400, 'invalid_url'],
    ['/api/%c3%28', 400, 'invalid_url'],
    ['/api?x=%ff', 400, 'invalid_url'],
    ['//api', 404, 'not_found'],
    ['/./api', 404, 'not_found'],
    ['/api/', 404, 'not_found'],
    ['/api/../api', 404, 'not_found'],
    ['/api%2fstatus', 404, 'not_found'],
    ['/API', 404, 'not_found'],
    ['/api;x=1', 404, 'not_found'],
    ['/api/%00', 404, 'not_found'],
    ['api', 400, 'bad_request|invalid_url'],
    ['/api#x', 400, 'bad_request|invalid_url'],
    [`/${'a'.repeat(9000)}`, 414, 'uri_too_long'],
    [`/api/sessions/${'a'.repeat(1500)}`, 414, 'uri_too_long'],
  ])('%s is answered %i %s', async (target, status, code) => {
    const { port } = await startServer();
    const answer = await sendOne(port, get(target));
    expect(answer.status, answer.body).toBe(status);
    expect(answer.json.code).toMatch(new RegExp(`^(${code})$`));
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });

  test('an absolute target counts as its own host and path', async () => {
    const { port } = await startServer();
    expect((await sendOne(port, get('http://localhost/api'))).status).toBe(200);
    expect((await sendOne(port, get('http://evil.example/api'))).status).toBe(421);
  });

  test('%2f inside a parameter stays part of it', async () => {
    const { port } = await startServer({
      setUp: (server) => server.addRoute('GET', '/x/:name', ({ params }) => params),
    });
    expect((await sendOne(port, get('/x/a%2Fb'))).json).toEqual({ name: 'a/b' });
  });
});

describe('the method', () => {
  test('an unknown method is a bad request, and the connection ends', async () => {
    const { port } = await startServer();
    const [answer] = await sendRaw(port, 'BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answer).toMatchObject({ status: 400, json: { code: 'bad_request' } });
    expect(answer?.headers.connection).toBe('close');
  });

  test('a known path with another method is 405, with Allow', async () => {
    const { port, request } = await startServer();
    const answer = await request('DELETE', '/api/sessions');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS');
    for (const method of ['TRACE', 'PROPFIND', 'LOCK']) {
      const raw = await sendOne(port, `${method} /api HTTP/1.1\r\nHost: localhost\r\n${key}\r\n`);
      expect(raw, method).toMatchObject({ status: 405, json: { code: 'method_not_allowed' } });
    }
  });

  test('HEAD answers like GET without the body', async () => {
    const { request } = await startServer();
    for (const path of ['/health', '/api', '/api/tools/none']) {
      const [head, plain] = [await request('HEAD', path), await request('GET', path)];
      expect(head.status).toBe(plain.status);
      expect(head.text).toBe('');
      expect(head.headers.get('content-type')).toBe(plain.headers.get('content-type'));
    }
  });

  test('OPTIONS with a key lists the methods of a path', async () => {
    const { request } = await startServer();
    const answer = await request('OPTIONS', '/api/sessions');
    expect(answer.status).toBe(204);
    expect(answer.headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS');
    expect((await request('OPTIONS', '/none')).status).toBe(404);
    expect((await request('OPTIONS', '/api/sessions', { key: null })).status).toBe(401);
  });

  test('CONNECT is refused', async () => {
    const { port } = await startServer();
    const [answer] = await sendRaw(port, 'CONNECT a:80 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answer).toMatchObject({ status: 400 });
  });
});

describe('headers', () => {
  test.each([
    ['Host: localhost\r\nHost: localhost\r\n', 'invalid_host_header'],
    ['', 'invalid_host_header'],
    ['Host:\r\n', 'invalid_host_header'],
    ['Host: a b\r\n', 'invalid_host_header'],
    ['Host: localhost:99999\r\n', 'invalid_host_header'],
    ['Host: user@localhost\r\n', 'invalid_host_header'],
    ['Host: localhost\r\nAuthorization: a\r\nAuthorization: b\r\n', 'invalid_header'],
    [`Host: localhost\r\n${key}${key}`, 'invalid_header'],
    ['Host: localhost\r\nOrigin: http://a\r\nOrigin: http://b\r\n', 'invalid_header'],
    ['Host: localhost\r\nContent-Length: 1\r\nContent-Length: 1\r\n', 'invalid_header'],
    ['Host: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n', 'invalid_header'],
    ['Host: localhost\r\nContent-Length: x\r\n', 'invalid_header'],
    ['Host: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n', 'invalid_header'],
    ['Host: localhost\r\nBad Header: x\r\n', 'invalid_header'],
    ['Host: localhost\r\nExpect: a-pony\r\n', 'invalid_header'],
  ])('%j is answered 400', async (headers, code) => {
    const { port } = await startServer();
    const answer = await sendOne(port, `POST /api/prompt HTTP/1.1\r\n${headers}\r\n`);
    expect(answer, answer.body).toMatchObject({ status: 400, json: { code, status: 400 } });
  });

  test('headers over 16 KiB are 431', async () => {
    const { port } = await startServer();
    const [answer] = await sendRaw(port, get('/api', `X-Long: ${'a'.repeat(20_000)}\r\n`));
    expect(answer).toMatchObject({ status: 431, json: { code: 'headers_too_large' } });
  });

  test('bytes that are not HTTP are answered 400', async () => {
    const { port } = await startServer();
    const [answer] = await sendRaw(port, '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03 tls hello\r\n\r\n');
    expect(answer).toMatchObject({ status: 400, json: { code: 'bad_request' } });
  });

  test('a valid X-Request-Id is returned, any other is replaced', async () => {
    const { port, request } = await startServer();
    const sane = await request('GET', '/health', { headers: { 'x-request-id': 'build 42/a' } });
    expect(sane.headers.get('x-request-id')).toBe('build 42/a');
    for (const bad of ['', 'a'.repeat(129), 'caf\xe9', 'a\tb']) {
      const answer = await sendOne(
        port,
        Buffer.from(get('/api/nope', `X-Request-Id: ${bad}\r\n`), 'latin1').toString('latin1'),
      );
      expect(answer.headers['x-request-id'], JSON.stringify(bad)).toMatch(/^req_/);
      expect(answer.json.requestId).toBe(answer.headers['x-request-id']);
    }
  });

  test('every answer carries the security headers and is not stored', async () => {
    const { request } = await startServer();
    const answers = [
      await request('GET', '/health'),
      await request('GET', '/api'),
      await request('GET', '/none'),
      await request('GET', '/api', { key: null }),
      await request('POST', '/api/prompt', { body: '{' }),
    ];
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-request-id')).toMatch(/^req_/);
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  test('pipelined requests are answered in order', async () => {
    const { port } = await startServer({
      setUp: (server) => server.addRoute('GET', '/n/:n', async ({ params }) => params),
    });
    const many = [1, 2, 3, 4, 5].map((n) => get(`/n/${n}`)).join('');
    const answers = await sendRaw(port, get('/health') + many, { answers: 6 });
    expect(answers.slice(1).map(({ json }) => json.n)).toEqual(['1', '2', '3', '4', '5']);
  });
});
