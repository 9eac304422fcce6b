import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RestApiServer } from '../../../src/api/rest-server.ts';
import { TEST_LIMIT_MS, waitFor } from '../../wait-for.ts';
import { startServer, testKey } from '../start-server.ts';
import { sendOne } from './raw-socket.ts';

const get = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${testKey}\r\n\r\n`;

/** If a stop waited for too much, it would exceed the time limit of the test. */
const withoutCut = { shutdownTimeoutMs: 2 * TEST_LIMIT_MS };

describe('stop()', () => {
  test('finishes requests, answers new ones on open connections 503, and accepts no connections', async () => {
    const arrived = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<string>();
    const { server, port, url } = await startServer({
      config: withoutCut,
      setUp: (made) =>
        made.addRoute('GET', '/slow', () => {
          arrived.resolve();
          return gate.promise;
        }),
    });
    const slow = sendOne(port, get('/slow'));
    await arrived.promise;
    // The second request of this connection has been sent after the first when the server begins to stop.
    const kept = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void kept.destroy());
    let received = '';
    kept.on('data', (chunk) => {
      received += chunk;
    });
    // One segment: the beginning of the second request has arrived when the first is answered.
    kept.write(`${get('/health')}GET /slow HTTP/1.1\r\nHost: localhost\r\nX-API-Key: `);
    await waitFor('the first answer', () => received.includes('200 OK'));
    const stopped = server.stop();
    expect(server.isServerRunning()).toBe(false);
    kept.write(`${testKey}\r\n\r\n`);
    await once(kept, 'close');
    const refusal = received.slice(received.indexOf('HTTP/1.1 503 '));
    expect(refusal).toMatch(/^HTTP\/1\.1 503 /);
    expect(refusal).toMatch(/connection: close/i);
    expect(refusal).toContain('"code":"shutting_down"');
    await expect(fetch(`${url}/health`)).rejects.toThrow();
    gate.resolve('done');
    expect(await slow).toMatchObject({ status: 200, json: 'done' });
    expect((await slow).headers.connection).toBe('close');
    await stopped;
    expect(server.getAddress()).toBeUndefined();
  });

  test('cuts off requests that do not finish in time', async () => {
    const arrived = Promise.withResolvers<AbortSignal>();
    const { server, request } = await startServer({
      // The handler never ends: only this lets the server stop.
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
    await server.stop();
    expect(signal.aborted).toBe(true);
    await cut;
  });

  test('does not wait for idle connections', async () => {
    const { server, port } = await startServer({ config: withoutCut });
    const idle = connect({ port, host: '127.0.0.1' });
    idle.write(get('/health'));
    await once(idle, 'data');
    const silent = connect({ port, host: '127.0.0.1' });
    await once(silent, 'connect');
    await server.stop();
    idle.destroy();
    silent.destroy();
  });

  test('ends streams', async () => {
    const isStreaming = Promise.withResolvers<void>();
    const { server, request } = await startServer({
      config: withoutCut,
      handlers: {
        onPrompt: async function* (_prompt, _options, { signal }) {
          isStreaming.resolve();
          yield { type: 'message.delta', data: { text: 'x' } };
          await once(signal, 'abort');
        },
      },
    });
    const answer = request('POST', '/api/prompt', {
      body: { prompt: 'x' },
      headers: { accept: 'text/event-stream' },
    });
    await isStreaming.promise;
    await server.stop();
    expect((await answer).text).toContain('the server is stopping');
  });

  test('may be called twice, before and during start(), and start() works again after it', async () => {
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

  test('makes a start() during it wait for its end', async () => {
    const server = new RestApiServer({ port: 0 });
    await server.start();
    const stopping = server.stop();
    const { url } = await server.start();
    await stopping;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    await server.stop();
  });
});
