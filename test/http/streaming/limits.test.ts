import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startRunningTimer } from '../../../src/http/streaming/running-timer.ts';
import { blockThread } from '../../block-thread.ts';
import { TEST_LIMIT_MS, waitFor } from '../../wait-for.ts';
import {
  apiKey,
  appendMany,
  fault,
  type ServerWithStore,
  startServerWithStore,
} from '../start-server-with-store.ts';
import { openReader } from './sse-reader.ts';

async function readersOf({ get }: ServerWithStore): Promise<number> {
  const text = await (await get('/metrics')).text();
  return Number(/^codebuddy_sse_readers (\d+)$/m.exec(text)?.[1]);
}

const kilobyte = 'x'.repeat(1024);

test('a reader that stops reading is cut off with an overflow, and can resume without a gap', async () => {
  const server = await startServerWithStore({ config: { streamBufferBytes: 64 * 1024 } });
  const reader = await openReader(`${server.url}/api/events`);
  await waitFor('the reader follows', () => server.log.stats().subscribers === 1);
  reader.pause();
  const isCutOff = (): boolean => server.log.stats().subscribers === 0;
  // The kernel buffers some megabytes before the server's own buffer begins to fill.
  let appended = 0;
  for (; appended < 20_000 && !isCutOff(); appended += 1000) await appendMany(server.log, 1000, kilobyte);
  await waitFor('the reader is cut off', isCutOff);
  // The server keeps the connection only for some seconds.
  reader.resume();
  await reader.end();
  const last = reader.messages.at(-1);
  expect(last).toMatchObject({ id: undefined, event: 'overflow' });
  const received = reader.messages.filter(({ id }) => id !== undefined).map(({ id }) => Number(id));
  expect(received.length).toBeLessThan(appended);

  const again = await openReader(`${server.url}/api/events`, { 'last-event-id': String(received.at(-1)) });
  const rest = (await again.take(appended - received.length)).map(({ id }) => Number(id));
  expect([...received, ...rest]).toEqual(Array.from({ length: appended }, (_, index) => index + 1));
  again.leave();
  await waitFor('no reader is counted', async () => (await readersOf(server)) === 0);
});

test('a cut-off reader that never reads again loses its connection', async () => {
  const server = await startServerWithStore({ config: { streamBufferBytes: 16 * 1024 } });
  const reader = await openReader(`${server.url}/api/events`);
  await waitFor('the reader follows', () => server.log.stats().subscribers === 1);
  reader.pause();
  for (let round = 0; round < 12; round++) await appendMany(server.log, 1000, kilobyte);
  await waitFor('the reader is gone', async () => (await readersOf(server)) === 0);
});

test('a slow reader receives a history larger than its buffer', async () => {
  const { url, log } = await startServerWithStore({ config: { streamBufferBytes: 64 * 1024 } });
  await appendMany(log, 6000, kilobyte);
  const reader = await openReader(`${url}/api/events?after=0`);
  for (let count = 500; count <= 6000; count += 500) {
    await reader.take(count);
    reader.pause();
    await new Promise((resolve) => setTimeout(resolve, 20));
    reader.resume();
  }
  expect(reader.messages.map(({ id }) => Number(id))).toEqual(
    Array.from({ length: 6000 }, (_, index) => index + 1),
  );
});

test('a burst larger than the buffer does not cut off a reader that keeps up', async () => {
  const { url, log } = await startServerWithStore({ config: { streamBufferBytes: 64 * 1024 } });
  const reader = await openReader(`${url}/api/events`);
  await waitFor('the reader follows', () => log.stats().subscribers === 1);
  await appendMany(log, 200, 'x'.repeat(10_000));
  expect((await reader.take(200)).every(({ event }) => event === 'error')).toBe(true);
});

test('the time in which the server stands still does not count as that of a slow reader', async () => {
  let isOver = false;
  const stop = startRunningTimer(100, () => {
    isOver = true;
  });
  onTestFinished(stop);
  blockThread(300);
  // Between two turns, the timers that are due are called.
  await nextTurn();
  await nextTurn();
  expect(isOver).toBe(false);
  await waitFor('the end of its time', () => isOver);
});

test('a reader over the limit is answered 503, and is accepted when another leaves', async () => {
  const server = await startServerWithStore({ config: { maxStreams: 2 } });
  const first = await openReader(`${server.url}/api/events`);
  await openReader(`${server.url}/api/events`);
  const refused = await server.get('/api/events', { accept: 'text/event-stream' });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('5');
  expect(await refused.json()).toMatchObject({ code: 'too_many_connections' });
  first.leave();
  await waitFor('the first has left', async () => (await readersOf(server)) === 1);
  await openReader(`${server.url}/api/events`);
});

test('readers that leave release their connection and their subscription', async () => {
  const server = await startServerWithStore();
  const readers = await Promise.all(Array.from({ length: 20 }, () => openReader(`${server.url}/api/events`)));
  expect(await readersOf(server)).toBe(20);
  for (const reader of readers) reader.leave();
  await waitFor('no reader is counted', async () => (await readersOf(server)) === 0);
  expect(server.log.stats().subscribers).toBe(0);
});

test('a client that leaves before its stream begins leaves nothing behind', async () => {
  const server = await startServerWithStore();
  const { hostname, port } = new URL(server.url);
  let ended = 0;
  server.server.on('request', () => void ended++);
  for (let round = 0; round < 30; round++) {
    const socket = connect(Number(port), hostname);
    onTestFinished(() => {
      socket.destroy();
    });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(
      `GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${apiKey}\r\nAccept: text/event-stream\r\n\r\n`,
    );
    if (round % 3 === 0) socket.resetAndDestroy();
    else setImmediate(() => socket.destroy());
  }
  // A request whose connection was reset may not have arrived.
  await waitFor('the others have ended', () => ended >= 20);
  await server.log.append([fault('someone is told')]);
  await waitFor('no reader is counted', async () => (await readersOf(server)) === 0);
  await waitFor('no subscriber is left', () => server.log.stats().subscribers === 0);
});

test('stopping the server ends streams cleanly, at once', async () => {
  // A stop that waited for the stream would exceed the time limit of the test.
  const server = await startServerWithStore({ config: { shutdownTimeoutMs: 2 * TEST_LIMIT_MS } });
  const reader = await openReader(`${server.url}/api/events`);
  await reader.takeComments(1);
  await server.server.stop();
  await reader.end();
  expect(reader.response.complete).toBe(true);
});

test('stopping the server does not wait for a reader that does not read', async () => {
  const server = await startServerWithStore({ config: { shutdownTimeoutMs: 500 } });
  const reader = await openReader(`${server.url}/api/events`);
  await waitFor('the reader follows', () => server.log.stats().subscribers === 1);
  reader.pause();
  for (let round = 0; round < 5; round++) await appendMany(server.log, 1000, kilobyte);
  await server.server.stop();
  expect(server.log.stats().subscribers).toBe(0);
});

test('a prompt over the stream limit is answered 503, and no run is started', async () => {
  const server = await startServerWithStore({ config: { maxStreams: 1 } });
  await openReader(`${server.url}/api/events`);
  const refused = await server.send(
    'POST',
    '/api/prompt',
    { prompt: 'run sleep 300' },
    { accept: 'text/event-stream' },
  );
  expect(refused.status).toBe(503);
  expect(await (await server.get('/api/runs')).json()).toMatchObject({ runs: [] });
});
