// The local receiver with a real sender and with hostile clients.

import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type HeardEvent, type ListenerOptions, startListener } from '../../src/receiver/listener.ts';
import { secret, startWebhooks, toolStart } from '../webhooks/start-webhooks.ts';

async function start(options: Partial<ListenerOptions> = {}) {
  const heard: HeardEvent[] = [];
  const listener = await startListener({ secret, onEvent: (event) => heard.push(event), ...options });
  onTestFinished(() => listener.close());
  return { ...listener, heard };
}

/** The head of the answer; empty if the connection ends without one. */
function exchange(port: number, sent: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1');
    const finish = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\r\n\r\n')) finish();
    });
    socket.on('error', finish).once('end', finish);
    socket.write(sent);
  });
}

const post = (body: string, headers = ''): string =>
  `POST / HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

it('receives verified events with all their fields', async () => {
  const { url, heard } = await start();
  const { webhooks } = startWebhooks();
  await webhooks.register({ url, secret, ordered: true });
  const { event, deliveries } = await webhooks.emit('tool.start', toolStart(7));
  expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'success', attempts: 1 }]);
  expect(heard).toMatchObject([
    {
      id: event.id,
      type: 'tool.start',
      sequence: event.sequence,
      sessionId: null,
      verified: true,
      attempt: 1,
      duplicate: false,
      data: toolStart(7),
    },
  ]);
  expect(heard[0]?.latencyMs).toBeGreaterThanOrEqual(0);
});

it('a repeated delivery is a duplicate', async () => {
  const { url, heard } = await start();
  const { webhooks } = startWebhooks();
  await webhooks.register({ url, secret });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  await webhooks.settled(deliveries);
  await webhooks.retry(deliveries[0] ?? '');
  await expect.poll(() => heard.map(({ duplicate }) => duplicate)).toEqual([false, true]);
});

it('a delivery with another secret is refused with 401, shown, and does not count as a duplicate', async () => {
  const { url, heard } = await start();
  const { webhooks } = startWebhooks();
  const id = await webhooks.register({
    url,
    secret: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
    retryDelay: 100,
  });
  await webhooks.emit('tool.start', toolStart());
  await expect.poll(() => heard.length).toBeGreaterThanOrEqual(1);
  expect(heard[0]).toMatchObject({ type: 'tool.start', verified: false, duplicate: false });
  await webhooks.update(id, { secret });
  await expect.poll(() => heard.at(-1)?.verified).toBe(true);
  expect(heard.at(-1)).toMatchObject({ duplicate: false });
  expect((await webhooks.getHistory())[0]?.attemptLog[0]?.statusCode).toBe(401);
});

it.each([
  ['no signature', post('{"type":"x"}'), '401'],
  ['no JSON', post('no'), '401'],
  ['JSON that is no object', post('[1]'), '401'],
  ['an empty body', post(''), '401'],
  ['names of a prototype', post('{"__proto__":{"type":"x"},"id":{"toString":1}}'), '401'],
  ['a type that is an object', post('{"type":{"toString":1,"valueOf":1}}'), '401'],
  ['another method', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '405'],
  ['more than 1 MiB', post('x'.repeat(1024 * 1024 + 1)), '413'],
  ['no HTTP', 'hello\r\n\r\n', '400'],
])('answers %s with the right status and survives', async (_what, sent, status) => {
  const { port } = await start();
  expect((await exchange(port, sent)).slice(9, 12)).toBe(status);
  expect((await exchange(port, post('{}'))).slice(9, 12)).toBe('401');
});

it('survives a sender that leaves in the middle of its body', async () => {
  const { port, heard } = await start();
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.write(post('x'.repeat(1000)).slice(0, -10), resolve));
  socket.destroy();
  expect((await exchange(port, post('{}'))).slice(9, 12)).toBe('401');
  expect(heard).toHaveLength(1);
});

it('a port in use fails with EADDRINUSE', async () => {
  const { port } = await start();
  await expect(startListener({ secret, port, onEvent: () => undefined })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

it('closes while a request is open', async () => {
  const { port, close } = await start();
  const halfway = exchange(port, post('x'.repeat(1000)).slice(0, -10));
  await expect.poll(() => exchange(port, post('{}'))).toContain('401');
  await close();
  expect(await halfway).toBe('');
});
