// The shares of one client, one address and one key in a server's connections and streams: never all of them.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ApiServerConfig } from '../../../src/api/rest-server.ts';
import { waitFor } from '../../wait-for.ts';
import { startServer, testKey } from '../start-server.ts';
import { startServerWithStore } from '../start-server-with-store.ts';
import { openReader } from '../streaming/sse-reader.ts';
import { sendOne } from './raw-socket.ts';

/** Resolves to a connection when the server has accepted it. */
async function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const get = (path: string, key?: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${key === undefined ? '' : `X-API-Key: ${key}\r\n`}\r\n`;
const callTool = (key: string): string =>
  `POST /api/tools/x HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;

/** A server whose tool does not end before `finish()`. */
async function startBusy(config: ApiServerConfig) {
  const ended = Promise.withResolvers<string>();
  let running = 0;
  const server = await startServer({
    config,
    handlers: {
      onToolExecute: () => {
        running++;
        return ended.promise;
      },
    },
  });
  onTestFinished(() => ended.resolve('done'));
  return {
    ...server,
    finish: () => ended.resolve('done'),
    async hold(key = testKey): Promise<Socket> {
      const before = running;
      const socket = await open(server.port);
      socket.write(callTool(key));
      await waitFor('the tool runs', () => running > before);
      return socket;
    },
  };
}

describe('connections without a valid key', () => {
  test.each([
    ['say nothing', ''],
    ['stop in the middle of a request', 'GET /api HTTP/1.1\r\nHost: loc'],
    ['have asked for /health', get('/health')],
    ['have sent a wrong key', get('/api', 'wrong')],
  ])('that %s never keep out a client with a key', async (_what, bytes) => {
    const { port } = await startServer({ config: { maxConnections: 4 } });
    for (let count = 0; count < 30; count++) {
      const socket = await open(port);
      if (bytes !== '') socket.write(bytes);
    }
    expect((await sendOne(port, [get('/api', testKey)])).status).toBe(200);
    expect((await sendOne(port, [get('/health')])).status).toBe(200);
  });

  test('give way in the order of their arrival', async () => {
    const { port } = await startServer({ config: { maxConnections: 3 } });
    const first = await open(port);
    const second = await open(port);
    second.write(get('/health'));
    await once(second, 'data');
    const third = await open(port);
    third.write(get('/health'));
    await once(third, 'data');
    const gone = once(first, 'close');
    await open(port);
    await gone;
    expect([second.closed, third.closed]).toEqual([false, false]);
  });

  test('give way before those that have sent a key', async () => {
    const { port } = await startServer({ config: { maxConnections: 2 } });
    const known = await open(port);
    known.write(get('/api', testKey));
    await once(known, 'data');
    for (let count = 0; count < 5; count++) await open(port);
    known.write(get('/api', testKey));
    const [answer] = await once(known, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 200/);
  });
});

test('idle connections of one key do not keep another key out', async () => {
  const { port } = await startServer({ config: { apiKey: ['first-key', 'second-key'], maxConnections: 3 } });
  for (let count = 0; count < 3; count++) {
    const socket = await open(port);
    socket.write(get('/api', 'first-key'));
    await once(socket, 'data');
  }
  expect((await sendOne(port, [get('/api', 'second-key')])).status).toBe(200);
});

describe('connections that are busy', () => {
  test('are never ended for others; beyond the limit, /health is answered and other requests get 503', async () => {
    const { port, hold, finish } = await startBusy({ maxConnections: 2, maxConnectionsPerKey: 2 });
    const held = [await hold(), await hold()];
    const refused = await sendOne(port, [get('/api', testKey)]);
    expect(refused).toMatchObject({ status: 503, json: { code: 'too_many_connections' } });
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.headers.connection).toBe('close');
    expect((await sendOne(port, [get('/health')])).status).toBe(200);
    // Far more than the limit of connections that wait for their 503.
    for (let count = 0; count < 100; count++) await open(port);
    expect((await sendOne(port, [get('/health')])).status).toBe(200);
    const answers = held.map((socket) => once(socket, 'data'));
    finish();
    for (const [answer] of await Promise.all(answers)) expect(String(answer)).toMatch(/^HTTP\/1.1 200/);
    expect((await sendOne(port, [get('/api', testKey)])).status).toBe(200);
  });

  test('of one key are limited to its share, so other keys are served', async () => {
    const { port, hold, finish, request } = await startBusy({
      apiKey: ['first-key', 'second-key'],
      maxConnections: 4,
    });
    for (let count = 0; count < 3; count++) await hold('first-key');
    const refused = await sendOne(port, [callTool('first-key')]);
    expect(refused).toMatchObject({ status: 503, json: { code: 'too_many_connections' } });
    expect(refused.json.detail).toContain('This API key');
    expect(refused.headers['retry-after']).toBe('1');
    expect((await request('GET', '/api', { key: 'second-key' })).status).toBe(200);
    finish();
    await waitFor(
      'the first key finds a place again',
      async () => (await request('GET', '/api', { key: 'first-key' })).status === 200,
    );
  });
});

const address = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

test.skipIf(address === undefined)('of one address beyond loopback are limited to its share', async () => {
  const { port } = await startServer({
    config: { host: '0.0.0.0', maxConnections: 4, maxConnectionsPerAddress: 2, allowedHosts: ['localhost'] },
  });
  const local = await open(port);
  const [first] = [await open(port, address), await open(port, address)];
  const gone = once(first as Socket, 'close');
  const third = await open(port, address);
  await gone;
  third.write(get('/api', testKey));
  expect(String((await once(third, 'data'))[0])).toMatch(/^HTTP\/1.1 200/);
  expect(local.closed).toBe(false);
});

test('of one key get its share of the stream readers, so other keys are served', async () => {
  const server = await startServerWithStore({ config: { maxStreams: 4, apiKey: 'another-key-of-ours' } });
  const stream = `${server.url}/api/events`;
  const readers = [await openReader(stream), await openReader(stream), await openReader(stream)];
  const refused = await server.get('/api/events', { accept: 'text/event-stream' });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await refused.json()).toMatchObject({
    code: 'too_many_connections',
    detail: expect.stringContaining('its limit of 3 stream readers'),
  });
  const prompt = await server.send(
    'POST',
    '/api/prompt',
    { prompt: 'help' },
    { accept: 'text/event-stream' },
  );
  expect(prompt.status).toBe(503);
  expect(await (await server.get('/api/runs')).json()).toMatchObject({ runs: [] });

  const other = await openReader(stream, { authorization: 'Bearer another-key-of-ours' });
  other.leave();
  readers[0]?.leave();
  await waitFor('two have left', async () =>
    /^codebuddy_sse_readers 2$/m.test(await (await server.get('/metrics')).text()),
  );
  await openReader(stream);
});
