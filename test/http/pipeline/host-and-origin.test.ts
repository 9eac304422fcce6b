import { describe, expect, test } from 'vitest';
import { startServer, testKey } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

const head = (host: string, more = ''): string =>
  `GET /api HTTP/1.1\r\nHost: ${host}\r\nX-API-Key: ${testKey}\r\n${more}\r\n`;

describe('the Host check', () => {
  test.each([
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1:3847',
    '127.9.9.9',
    '[::1]:80',
    'app.localhost',
    'localhost.',
  ])('accepts %s', async (host) => {
    const { port } = await startServer();
    expect((await sendOne(port, head(host))).status).toBe(200);
  });

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    '10.0.0.1',
    '[::2]',
    '0.0.0.0',
    'x-localhost',
  ])('refuses %s, even for /health and without a key', async (host) => {
    const { port } = await startServer();
    expect(await sendOne(port, head(host))).toMatchObject({
      status: 421,
      json: { code: 'misdirected_request' },
    });
    const health = await sendOne(port, `GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(health.status).toBe(421);
  });

  test('accepts names, ports and subdomains from allowedHosts', async () => {
    const { port } = await startServer({
      config: { allowedHosts: ['dev.example', 'port.example:8443', '*.wild.example'] },
    });
    const status = async (host: string): Promise<number> => (await sendOne(port, head(host))).status;
    expect(await status('dev.example')).toBe(200);
    expect(await status('DEV.example:9')).toBe(200);
    expect(await status('port.example:8443')).toBe(200);
    expect(await status('port.example')).toBe(421);
    expect(await status('a.wild.example')).toBe(200);
    expect(await status('wild.example')).toBe(421);
    expect(await status('awild.example')).toBe(421);
  });

  test('accepts the address that was connected to when listening on all addresses', async () => {
    const { port } = await startServer({ config: { host: '0.0.0.0' } });
    expect((await sendOne(port, head('127.0.0.1'))).status).toBe(200);
    expect((await sendOne(port, head('10.1.2.3'))).status).toBe(421);
  });
});

describe('pages of other origins', () => {
  const origin = 'http://evil.example';

  test('may neither change nor read anything by default', async () => {
    const { request } = await startServer({ handlers: { onPrompt: () => 'no' } });
    const write = await request('POST', '/api/prompt', { headers: { origin }, body: { prompt: 'x' } });
    expect(write).toMatchObject({ status: 403, json: { code: 'origin_not_allowed' } });
    const opaque = await request('POST', '/api/prompt', {
      headers: { origin: 'null' },
      body: { prompt: 'x' },
    });
    expect(opaque.status).toBe(403);
    const read = await request('GET', '/api', { headers: { origin } });
    expect(read.status).toBe(200);
    expect(read.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await request('OPTIONS', '/api/prompt', {
      key: null,
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    expect(preflight.headers.get('access-control-allow-methods')).toBeNull();
  });

  test('do not include pages of this server', async () => {
    const { request, port } = await startServer({ handlers: { onPrompt: () => 'yes' } });
    const own = await request('POST', '/api/prompt', {
      headers: { origin: `http://127.0.0.1:${port}` },
      body: { prompt: 'x' },
    });
    expect(own.status).toBe(200);
    const other = await request('POST', '/api/prompt', {
      headers: { origin: 'http://127.0.0.1:1' },
      body: { prompt: 'x' },
    });
    expect(other.status).toBe(403);
  });

  test('are allowed by enableCors: true, without credentials', async () => {
    const { request } = await startServer({
      config: { enableCors: true },
      handlers: { onPrompt: () => 'hi' },
    });
    const answer = await request('POST', '/api/prompt', { headers: { origin }, body: { prompt: 'x' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    const refused = await request('GET', '/api', { headers: { origin }, key: null });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  });

  test('are allowed by a list, with a Vary header', async () => {
    const { request } = await startServer({
      config: { enableCors: ['https://app.example'] },
      handlers: { onPrompt: () => 'hi' },
    });
    const preflight = await request('OPTIONS', '/api/prompt', {
      key: null,
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('X-API-Key');
    expect(preflight.headers.get('vary')).toBe('Origin');
    const foreign = await request('POST', '/api/prompt', { headers: { origin }, body: { prompt: 'x' } });
    expect(foreign.status).toBe(403);
    const plain = await request('GET', '/api');
    expect(plain.headers.get('vary')).toBe('Origin');
  });
});
