import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RequestEvent } from '../../../src/api/rest-server.ts';
import { startServer, testKey } from '../start-server.ts';
import { sendOne, sendRaw } from './raw-socket.ts';

const quick = { headersTimeoutMs: 300, requestTimeoutMs: 600 };
const post = (more: string): string =>
  `POST /api/tools/x HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${testKey}\r\nContent-Type: application/json\r\n${more}\r\n`;

describe('clients that are slow or leave', () => {
  test('headers that arrive too slowly are answered 408, and the connection ends', async () => {
    const { port } = await startServer({ config: quick });
    const [answer] = await sendRaw(port, 'GET /health HTTP/1.1\r\nHost: loc');
    expect(answer).toMatchObject({ status: 408, json: { code: 'request_timeout' } });
  });

  test('a body that arrives too slowly is answered 408, with and without a length', async () => {
    const { port } = await startServer({ config: quick, handlers: { onToolExecute: () => 'x' } });
    const [known] = await sendRaw(port, [post('Content-Length: 100\r\n'), '{"a"']);
    expect(known).toMatchObject({ status: 408, json: { code: 'request_timeout' } });
    const [chunked] = await sendRaw(port, [post('Transfer-Encoding: chunked\r\n'), '5\r\n{"a":\r\n']);
    expect(chunked).toMatchObject({ status: 408, json: { code: 'request_timeout' } });
  });

  test('a client that leaves in the middle of a body is logged as 499; others are served', async () => {
    const events: RequestEvent[] = [];
    const { port, server } = await startServer({ handlers: { onToolExecute: () => 'x' } });
    const ended = new Promise<void>((resolve) => {
      server.on('request', (event) => {
        events.push(event);
        resolve();
      });
    });
    const socket = connect({ port, host: '127.0.0.1' });
    // The server asks for the body, so it has the request.
    socket.write(post('Content-Length: 100\r\nExpect: 100-continue\r\n'));
    await once(socket, 'data');
    socket.write('{"a":');
    socket.destroy();
    await ended;
    expect(events[0]).toMatchObject({ path: '/api/tools/x', status: 499 });
    expect((await sendOne(port, [post('Content-Length: 2\r\n'), '{}'])).status).toBe(200);
  });

  test('the signal of a tool is aborted when its client leaves', async () => {
    const started = Promise.withResolvers<AbortSignal>();
    const { port } = await startServer({
      handlers: {
        onToolExecute: async (_tool, _params, { signal }) => {
          started.resolve(signal);
          await once(signal, 'abort');
        },
      },
    });
    const socket = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    socket.write(`${post('Content-Length: 2\r\n')}{}`);
    const signal = await started.promise;
    const aborted = once(signal, 'abort');
    socket.destroy();
    await aborted;
  });
});
