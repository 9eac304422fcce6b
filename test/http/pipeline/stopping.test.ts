import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RestApiServer } from '../../../src/api/rest-server.ts';
import { startServer, testKey } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

const get = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${testKey}\r\n\r\n`;

describe('stop()', () => {
  test('lets requests finish, answers new ones on kept connections 503, and accepts no more', async () => {
    const arrived = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    const { server, port, url } = await startServer({
      setUp: (made) =>
        made.addRoute('GET', '/slow', () => {
          arrived.resolve();
          return gate.promise;
        }),
    });
    const slow = sendOne(port, get('/slow'));
    await arrived.promise;
    // The second request of this connection is on its way behind the first when the server begins to stop.
    const kept = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void kept.destroy());
    let received = '';
    kept.on('data', (chunk) => {
      received += chunk;
    });
    kept.write('GET /slow HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stopped = server.stop();
    expect(server.isServerRunning()).toBe(false);
    kept.write(`${testKey}\r\n\r\n`);
    await once(kept, 'close');
    expect(received).toMatch(/^HTTP\/1\.1 503 /);
    expect(received).toMatch(/connection: close/i);
    expect(received).toContain('"code":"shutting_down"');
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    gate.resolve('done');
    expect(await slow).toMatchObject({ status: 200, json: 'done' });
    expect((await slow).headers.connection).toBe('close');
    await stopped;
    expect(server.getAddress()).toBeUndefined();
  });

  test('cuts what has not finished in time', async () => {
    const arrived = Promise.withResolvers<AbortSignal>();
    const { server, request } = await startServer({
      config: { shutdownTimeoutMs: 100 },
      handlers: {
        onPrompt: (_prompt, _options, { signal }) => {
          arrived.resolve(signal);
          return new Promise<string>(() => undefined);
        },
      },
    });
    const cut = expect(request('POST', '/api/prompt', { body: { prompt: 'x' } })).rejects.toThrow();
    const signal = await arrived.promise;
    const started = performance.now();
    await server.stop();
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(signal.aborted).toBe(true);
    await cut;
  });

  test('idle connections hold nothing up', async () => {
    const { server, port } = await startServer();
    const idle = connect({ port, host: '127.0.0.1' });
    idle.write(get('/health'));
    await once(idle, 'data');
    const silent = connect({ port, host: '127.0.0.1' });
    await once(silent, 'connect');
    const started = performance.now();
    await server.stop();
    expect(performance.now() - started).toBeLessThan(1_000);
    idle.destroy();
    silent.destroy();
  });

  test('ends streams', async () => {
    const { server, request } = await startServer({
      handlers: {
        onPrompt: async function* (_prompt, _options, { signal }) {
          yield { type: 'message.delta', data: { text: 'x' } };
          await once(signal, 'abort');
        },
      },
    });
    const answer = request('POST', '/api/prompt', {
      body: { prompt: 'x' },
      headers: { accept: 'text/event-stream' },
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const started = performance.now();
    await server.stop();
    expect(performance.now() - started).toBeLessThan(1_500);
    expect((await answer).text).toContain('the server is stopping');
  });

  test('works twice, at once, before start and while starting; start() works again after it', async () => {
    const server = new RestApiServer({ port: 0 });
    server.addRoute('GET', '/x', () => 'x');
    await server.stop();
    const starting = server.start();
    await Promise.all([starting.catch(() => undefined), server.stop(), server.stop()]);
    expect(server.isServerRunning()).toBe(false);
    for (let round = 0; round < 3; round++) {
      const { url } = await server.start();
      expect(await (await fetch(`${url}/x`)).json()).toBe('x');
      await Promise.all([server.stop(), server.stop()]);
      expect(server.isServerRunning()).toBe(false);
    }
  });

  test('start() while it stops waits for the end, then starts', async () => {
    const server = new RestApiServer({ port: 0 });
    await server.start();
    const stopping = server.stop();
    const { url } = await server.start();
    await stopping;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await server.stop();
  });
});
