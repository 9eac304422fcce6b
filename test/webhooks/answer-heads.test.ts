// Answers that a strict parser refuses. The status line decides, because the receiver has accepted the event by then.

import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createAnswerHead } from '../../src/webhooks/answer-head.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

/** Answer each request with these bytes and close the connection. Returns the URL. */
async function startRaw(answer: string | Buffer): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/`;
}

async function attemptAt(answer: string | Buffer) {
  const { webhooks } = startWebhooks();
  const id = await webhooks.register({ url: await startRaw(answer), retryDelay: 3_600_000 });
  await webhooks.emit('tool.start', toolStart());
  await expect.poll(async () => (await webhooks.getHistory())[0]?.attemptLog.length).toBeGreaterThan(0);
  const [delivery] = await webhooks.getHistory();
  return { delivery, attempt: delivery?.attemptLog[0], state: (await webhooks.get(id))?.state };
}

const longHeaders = Array.from({ length: 200 }, (_, i) => `x-${i}: ${'y'.repeat(100)}\r\n`).join('');

it.each([
  ['20 KB of headers', `HTTP/1.1 200 OK\r\n${longHeaders}content-length: 0\r\n\r\n`],
  [
    'content-length with chunked',
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['lines that end in LF alone', 'HTTP/1.1 200 OK\ncontent-length: 2\n\nok'],
  ['no reason, LF alone', 'HTTP/1.0 204\n\n'],
  ['a header without a colon', 'HTTP/1.1 202 Accepted\r\nnonsense\r\n\r\n'],
  ['a space before a colon', 'HTTP/1.1 200 OK\r\nx-a : b\r\ncontent-length: 0\r\n\r\n'],
  [
    'an early hint before it',
    `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\n${longHeaders}\r\n`,
  ],
])('a 2xx with %s is a success', async (_name, answer) => {
  const { delivery, attempt } = await attemptAt(answer);
  expect(attempt, JSON.stringify(attempt)).toMatchObject({ outcome: 'success' });
  expect(delivery?.status).toBe('success');
});

it('other statuses and their headers decide too', async () => {
  const limited = await attemptAt('HTTP/1.1 429 Too Many Requests\nRetry-After: 7200\n\n');
  expect(limited.attempt).toMatchObject({ outcome: 'rate_limited', statusCode: 429 });
  expect(Date.parse(limited.state?.pausedUntil ?? '') - Date.now()).toBeGreaterThan(3_600_000);
  const failed = await attemptAt(`HTTP/1.1 500 Oops\r\n${longHeaders}\r\n`);
  expect(failed.attempt).toMatchObject({ outcome: 'http_error', statusCode: 500 });
});

it('bytes without a status line are a bad response', async () => {
  for (const answer of [
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 99 OK\n\n',
    'HTTP/2.0 200\n\n',
    'ICY 200 OK\n\n',
  ]) {
    const { attempt } = await attemptAt(answer);
    expect(attempt, JSON.stringify(answer)).toMatchObject({ outcome: 'bad_response', statusCode: null });
  }
});

it('the head of an answer is read from pieces of any size', () => {
  const bytes = Buffer.from(
    '\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nDate: a\r\nRETRY-AFTER: 12\r\ndate: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
  );
  for (let size = 1; size < 20; size++) {
    const head = createAnswerHead();
    for (let at = 0; at < bytes.length; at += size) head.add(bytes.subarray(at, at + size));
    expect(head.status).toBe(503);
    // Sent twice, it is ignored.
    expect(head.headers).toMatchObject({ retryAfter: '12', date: undefined });
    head.reset();
    expect(head.status).toBeUndefined();
  }
});
