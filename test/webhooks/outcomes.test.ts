// The outcome of each answer, against receivers that really answer this way. For every behaviour of a receiver, the
// attempt ends with the right outcome and the process survives.

import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WebhookManagerOptions } from '../../src/api/webhooks.ts';
import { startTorture } from '../../src/receiver/torture.ts';
import { behaviours } from '../../src/receiver/torture-behaviours.ts';
import { blockThread } from '../block-thread.ts';
import { startConnectTorture } from '../receiver/connect-torture.ts';
import { WAIT_LIMIT_MS, waitFor } from '../wait-for.ts';
import { stoppedClock } from './movable-clock.ts';
import { startReceiver } from './recording-receiver.ts';
import { secret, startWebhooks, toolStart } from './start-webhooks.ts';

async function torture() {
  const started = await startTorture();
  onTestFinished(() => started.close());
  return started;
}

/** Answers 200 with a body that ends only with the connection, as fast as the sender takes it. */
async function startEndless() {
  let sent = 0;
  let isClosed = false;
  const server = createServer((socket) => {
    const block = Buffer.alloc(64 * 1024, 'x');
    const pour = (): void => {
      while (!socket.destroyed && socket.write(block)) sent += block.length;
    };
    socket.on('error', () => undefined).on('drain', pour);
    socket.once('close', () => {
      isClosed = true;
    });
    socket.once('data', () => {
      socket.resume().write('HTTP/1.1 200 OK\r\n\r\n');
      pour();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, sent: () => sent, isClosed: () => isClosed };
}

/** Create a webhook to `url`, emit once, and return the delivery after its first attempt. */
async function attemptAt(
  url: string,
  more: Record<string, unknown> = {},
  options: WebhookManagerOptions = {},
) {
  const { webhooks, warnings } = startWebhooks(options);
  const id = await webhooks.register({ url, retryCount: 0, timeout: WAIT_LIMIT_MS, ...more });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  const [deliveryId = ''] = deliveries;
  const delivery = await waitFor(`an attempt at ${url}`, async () => {
    const found = (await webhooks.getHistory()).find(({ id }) => id === deliveryId);
    return found !== undefined && found.attemptLog.length > 0 && found;
  });
  return { delivery, attempt: delivery.attemptLog[0], webhooks, id, warnings };
}

describe('the answer', () => {
  it.each([200, 201, 202, 204, 206, 226, 299])('%i is a success', async (status) => {
    const { url } = await torture();
    const { delivery, attempt } = await attemptAt(`${url}/status/${status}`);
    expect(attempt).toMatchObject({ outcome: 'success', statusCode: status, counted: true });
    expect(delivery.status).toBe('success');
  });

  it.each([300, 301, 302, 303, 304, 305, 307, 308])(
    '%i is refused as a redirect and not followed',
    async (status) => {
      const receiver = await torture();
      const aim = await startReceiver();
      const { attempt } = await attemptAt(
        `${receiver.url}/redirect/${status}?to=${encodeURIComponent(aim.url)}`,
      );
      expect(attempt).toMatchObject({ outcome: 'redirect_refused', statusCode: status });
      expect(attempt?.message).toContain('not followed');
      expect(aim.requests).toHaveLength(0);
      expect(receiver.requests).toHaveLength(1);
    },
  );

  it('a redirect without Location is refused; a Refresh header is ignored', async () => {
    const { url } = await torture();
    expect((await attemptAt(`${url}/redirect/302`)).attempt).toMatchObject({ outcome: 'redirect_refused' });
    expect((await attemptAt(`${url}/refresh`)).attempt).toMatchObject({ outcome: 'success' });
  });

  it.each([400, 401, 403, 404, 405, 409, 413, 418, 422, 500, 501, 502, 503, 504, 599])(
    '%i is a failure',
    async (status) => {
      const { url } = await torture();
      const { delivery, attempt } = await attemptAt(`${url}/status/${status}`);
      expect(attempt).toMatchObject({ outcome: 'http_error', statusCode: status });
      expect(delivery).toMatchObject({ status: 'failed', reason: 'http_error' });
    },
  );

  it.each([
    ['600', 'http_error'],
    ['999', 'http_error'],
    ['099', 'bad_response'],
    ['99', 'bad_response'],
    ['2', 'bad_response'],
  ])('the status %s is %s', async (status, outcome) => {
    const { url } = await torture();
    expect((await attemptAt(`${url}/status/${status}`)).attempt?.outcome).toBe(outcome);
  });

  it('410 disables the webhook at once with an event, and keeps pending deliveries', async () => {
    const { url } = await torture();
    const witness = await startReceiver();
    const { webhooks, warnings } = startWebhooks();
    await webhooks.register({ url: witness.url, events: ['webhook.disabled'] });
    const id = await webhooks.register({ url: `${url}/status/410`, events: ['tool.*'] });
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    await witness.received(1);
    expect(JSON.parse(witness.requests[0]?.body.toString() ?? '').data).toMatchObject({
      webhookId: id,
      reason: 'gone',
    });
    expect(await webhooks.get(id)).toMatchObject({
      enabled: false,
      state: { status: 'disabled', disabledReason: 'gone' },
    });
    // The event may be committed before the attempt.
    await expect
      .poll(async () => (await webhooks.getHistory({ webhookId: id }))[0])
      .toMatchObject({ id: deliveries[0], status: 'pending', reason: 'gone' });
    await webhooks.emit('tool.start', toolStart());
    expect((await webhooks.get(id))?.state.missed).toBe(1);
    expect(warnings.join()).toContain('is disabled');
  });

  it('webhook-delivery: disable and abort-message are obeyed with any status; others are ignored', async () => {
    const { url } = await torture();
    const onSuccess = await attemptAt(`${url}/control/disable?status=200`);
    expect(onSuccess.delivery.status).toBe('success');
    await expect.poll(async () => (await onSuccess.webhooks.get(onSuccess.id))?.enabled).toBe(false);
    const onFailure = await attemptAt(`${url}/control/disable?status=500`, { retryCount: 5 });
    expect(onFailure.delivery.status).toBe('pending');
    await expect.poll(async () => (await onFailure.webhooks.get(onFailure.id))?.enabled).toBe(false);
    const aborted = await attemptAt(`${url}/control/abort-message?status=500`, { retryCount: 5 });
    expect(aborted.delivery).toMatchObject({ status: 'failed', reason: 'aborted', attempts: 1 });
    const abortedSuccess = await attemptAt(`${url}/control/abort-message?status=200`);
    expect(abortedSuccess.delivery.status).toBe('success');
    const garbage = await attemptAt(`${url}/control/;;;?status=500`, { retryCount: 5 });
    expect(garbage.delivery).toMatchObject({ status: 'pending', reason: 'http_error' });
    expect((await garbage.webhooks.get(garbage.id))?.enabled).toBe(true);
  });

  it('422 ends a delivery after 5 attempts, 500 after as many as configured', async () => {
    const { url } = await torture();
    const afterFive = async (status: number) => {
      const { webhooks } = startWebhooks();
      await webhooks.register({ url: `${url}/status/${status}`, retryCount: 7, retryDelay: 100 });
      const { deliveries } = await webhooks.emit('tool.start', toolStart());
      // The breaker opens at the fifth failure.
      await expect.poll(async () => (await webhooks.getHistory())[0]?.attempts).toBeGreaterThanOrEqual(5);
      const [delivery] = await webhooks.getHistory();
      expect(delivery?.id).toBe(deliveries[0]);
      return delivery?.status;
    };
    expect(await Promise.all([afterFive(422), afterFive(500)])).toEqual(['failed', 'pending']);
  });

  it.each([
    ['2', 2000, 2300],
    ['0', 1000, 1200],
    [undefined, 60_000, 66_000],
    ['-5', 60_000, 66_000],
    ['1e9', 60_000, 66_000],
    ['0x10', 60_000, 66_000],
    ['1.5', 60_000, 66_000],
    ['Infinity', 60_000, 66_000],
    ['', 60_000, 66_000],
    ['120, 60', 60_000, 66_000],
    ['999999999', 86_400_000, 95_040_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 60_000, 66_000],
    ['Sun Nov  6 08:49:37 1994', 60_000, 66_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 1000, 1200],
    ['Fri, 01 Jan 2099 00:00:00 GMT', 86_400_000, 95_040_000],
    ['tomorrow', 60_000, 66_000],
  ])('429 with Retry-After %j pauses the webhook and spends no attempt', async (value, least, most) => {
    const { url } = await torture();
    const query = value === undefined ? '' : `?value=${encodeURIComponent(value)}`;
    const { clock } = stoppedClock();
    const { delivery, attempt, webhooks, id } = await attemptAt(
      `${url}/retry-after/429${query}`,
      {},
      { clock },
    );
    expect(attempt).toMatchObject({ outcome: 'rate_limited', counted: false });
    expect(delivery).toMatchObject({ status: 'pending', attempts: 0 });
    const state = (await webhooks.get(id))?.state;
    const pausedFor = Date.parse(state?.pausedUntil ?? '') - clock.wall();
    expect(state?.status).toBe('paused');
    expect(pausedFor).toBeGreaterThanOrEqual(least);
    expect(pausedFor).toBeLessThanOrEqual(most);
  });

  it('several Retry-After headers are ignored', async () => {
    const { url } = await torture();
    const { clock } = stoppedClock();
    const { webhooks, id } = await attemptAt(`${url}/retry-after-many`, {}, { clock });
    const until = Date.parse((await webhooks.get(id))?.state.pausedUntil ?? '');
    expect(until - clock.wall()).toBeGreaterThanOrEqual(60_000);
  });

  it('a pause delays all deliveries of the webhook', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    receiver.answer((_request, response) => {
      const isFirst = receiver.requests.length === 1;
      response.writeHead(isFirst ? 429 : 200, isFirst ? { 'retry-after': '1' } : {}).end();
    });
    await webhooks.register({ url: receiver.url });
    await webhooks.emit('tool.start', toolStart(1));
    await receiver.received(1);
    await expect.poll(async () => (await webhooks.stats()).latency.rate_limited?.count).toBe(1);
    await webhooks.emit('tool.start', toolStart(2));
    await receiver.received(3);
    const [first, second] = receiver.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('503 with Retry-After pauses the webhook and spends an attempt; without, it is an ordinary failure', async () => {
    const { url } = await torture();
    const paused = await attemptAt(`${url}/retry-after/503?value=30`, { retryCount: 3 });
    expect(paused.delivery).toMatchObject({ status: 'pending', attempts: 1 });
    expect((await paused.webhooks.get(paused.id))?.state.status).toBe('paused');
    const plain = await attemptAt(`${url}/retry-after/503`, { retryCount: 3 });
    expect(plain.delivery).toMatchObject({ status: 'pending', attempts: 1 });
    expect((await plain.webhooks.get(plain.id))?.state.status).toBe('failing');
  });

  it('each 502 or 504 halves the number of requests at the same time', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    receiver.answer((_request, response) => response.writeHead(502).end());
    await webhooks.register({ url: receiver.url, retryDelay: 60_000 });
    await Promise.all(Array.from({ length: 3 }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
    await expect.poll(async () => (await webhooks.stats()).latency.http_error?.count).toBe(3);
    const held = receiver.hold();
    await webhooks.emit('tool.start', toolStart());
    await webhooks.emit('tool.start', toolStart());
    await receiver.received(4);
    // 8, 4, 2, 1: the second one waits for the first.
    expect(await webhooks.stats()).toMatchObject({ inFlight: 1 });
    held.shift()?.writeHead(502).end();
    await receiver.received(5);
    expect(await webhooks.stats()).toMatchObject({ inFlight: 1 });
    held.shift()?.writeHead(502).end();
    await expect.poll(async () => (await webhooks.stats()).latency.http_error?.count).toBe(5);
  });

  it('a 401 after a rotation swaps the version 1 signatures, for receivers with the old secret', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url, secret, retryDelay: 100 });
    const { previousValidUntil, secret: newSecret } = await webhooks.rotateSecret(id);
    expect(Date.parse(previousValidUntil ?? '') - Date.now()).toBeGreaterThan(23 * 3_600_000);
    const { verifySignature } = await import('../../src/api/webhooks.ts');
    // An old receiver: it knows the old secret and the first version's header.
    receiver.answer(({ body, headers }, response) => {
      response.writeHead(verifySignature(body, headers['x-webhook-signature'], secret) ? 200 : 401).end();
    });
    const first = await webhooks.emit('tool.start', toolStart());
    expect((await webhooks.settled(first.deliveries))[0]).toMatchObject({ status: 'success', attempts: 2 });
    // The next request is swapped immediately.
    const second = await webhooks.emit('tool.start', toolStart());
    expect((await webhooks.settled(second.deliveries))[0]).toMatchObject({ status: 'success', attempts: 1 });
    const [request] = receiver.requests;
    if (request === undefined) throw new Error('no request');
    const { headers, body } = request;
    expect(String(headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect(verifySignature(body, headers['x-webhook-signature'], newSecret)).toBe(true);
    expect(verifySignature(body, headers['x-webhook-signature-previous'], secret)).toBe(true);
  });

  it('alternating success and failure do not open the breaker', async () => {
    const { url } = await torture();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: `${url}/flaky`, retryDelay: 100 });
    const emitted = [];
    for (let i = 0; i < 8; i++) {
      emitted.push(await webhooks.emit('tool.start', toolStart(i)));
      await webhooks.settled(emitted.at(-1)?.deliveries ?? []);
    }
    expect((await webhooks.get(id))?.state.status).not.toBe('open');
  });
});

describe('for every behaviour of a receiver', () => {
  const outcomes: Readonly<Record<string, string | readonly string[]>> = {
    '/ok': 'success',
    '/status/*': 'http_error',
    '/status-none': 'bad_response',
    '/redirect/*': 'redirect_refused',
    '/refresh': 'success',
    '/retry-after/*': 'http_error',
    '/retry-after-many': 'rate_limited',
    '/control/*': 'http_error',
    '/flaky': 'success',
    '/down/*': 'success',
    '/silent': 'timeout',
    '/slow/*': 'success',
    '/close': 'connection_closed',
    '/reset': 'connection_closed',
    '/reset/headers': 'connection_closed',
    '/reset/body': 'success',
    '/fin/unread': 'success',
    '/fin/gzip': 'success',
    '/drip/head': 'timeout',
    '/drip/headers': 'timeout',
    '/drip/body': 'success',
    '/drip/103': 'timeout',
    '/drip/102': 'timeout',
    '/continue-flood': ['bad_response', 'connection_closed', 'success'],
    '/upgrade': ['bad_response', 'connection_closed'],
    // The status line decides, even if the rest of the head is malformed.
    '/endless/headers': 'success',
    '/headers/1mb': 'success',
    '/headers/10k': 'success',
    '/headers/folded': 'success',
    '/headers/nul': 'success',
    '/endless/body': 'success',
    '/endless/chunks': 'success',
    '/body/1gb': 'success',
    '/length/huge': 'success',
    '/length/short': 'success',
    '/length/long': 'success',
    '/length/twice': 'success',
    '/length/negative': 'success',
    '/length/chunked': 'success',
    '/bomb/gzip': 'success',
    '/bomb/br': 'success',
    '/bomb/zstd': 'success',
    '/bomb/layers': 'success',
    '/encoding/lie': 'success',
    '/chunk/bad': 'success',
    '/chunk/extension': 'success',
    '/chunk/trailers': 'success',
    '/http/0.9': 'bad_response',
    '/http/1.0': 'success',
    '/http/rtsp': ['success', 'bad_response'],
    '/http/ssh': 'bad_response',
    '/http/icy': 'bad_response',
    '/http/tls': 'bad_response',
    '/204/body': 'success',
    '/early/200': 'success',
    '/early/413': 'http_error',
    '/twice': 'success',
    '/inject': 'success',
    '/keep-alive/*': 'success',
    '/keep-alive-0': 'success',
    '/keep-alive-long': 'success',
    '/connection-close': 'success',
    '/body/ansi': 'http_error',
    '/body/html': 'http_error',
    '/body/binary': 'http_error',
    '/body/4096': 'http_error',
    '/once/*': 'http_error',
    '/storm': 'http_error',
    '/304/body': 'redirect_refused',
    '/read/slow': 'success',
    '/read/never': 'timeout',
  };

  const parts: Readonly<Record<string, string>> = {
    '/status/*': '500',
    '/redirect/*': '302',
    '/retry-after/*': '503',
    '/down/*': '0',
    '/once/*': '500',
  };

  it('all behaviours of the torture receiver are listed here', () => {
    expect(Object.keys(outcomes)).toEqual(behaviours.map(({ path }) => path));
  });

  /** Behaviours that only a timeout ends: that of the webhook, or that of a body. The attempts run at the same time. */
  const slow = Object.keys(outcomes).filter((path) => outcomes[path] === 'timeout' || path === '/drip/body');

  async function expectOutcome(url: string, path: string, more = {}) {
    const { delivery, attempt } = await attemptAt(url + path.replace('*', parts[path] ?? '1'), more);
    const seen = `${path}: ${JSON.stringify(attempt)?.slice(0, 300)}`;
    expect([outcomes[path]].flat(), seen).toContain(attempt?.outcome);
    expect(delivery.status, seen).toBe(
      attempt?.outcome === 'success' ? 'success' : attempt?.outcome === 'rate_limited' ? 'pending' : 'failed',
    );
    expect(attempt?.responseExcerpt?.length ?? 0, seen).toBeLessThanOrEqual(4096);
  }

  it.each(Object.entries(outcomes).filter(([path]) => !slow.includes(path)))(
    '%s has the outcome %s',
    async (path) => {
      const { url } = await torture();
      await expectOutcome(url, path);
    },
  );

  it(`${slow.join(', ')} end after the timeout`, async () => {
    const { url } = await torture();
    await Promise.all(
      slow.map((path) => expectOutcome(url, path, outcomes[path] === 'timeout' ? { timeout: 1000 } : {})),
    );
  });

  it('an endless body is read only in part', async () => {
    const receiver = await startEndless();
    const { attempt } = await attemptAt(receiver.url);
    expect(attempt?.outcome).toBe('success');
    await waitFor('the end of the connection', () => receiver.isClosed());
    // The bytes that are read, and those in the buffers of the system.
    expect(receiver.sent()).toBeLessThan(64 * 1024 * 1024);
  });

  it('bodies are kept as harmless text, cut at a code point', async () => {
    const { url } = await torture();
    expect((await attemptAt(`${url}/body/4096`)).attempt?.responseExcerpt).toBe('x'.repeat(4095));
    expect((await attemptAt(`${url}/body/binary`)).attempt?.responseExcerpt).toBe('\ufffd\ufffd\u0000\ufffd');
    expect((await attemptAt(`${url}/body/ansi`)).attempt?.responseExcerpt).toContain('red');
  });

  it.each(['silent', 'reset', 'close', 'ssh', 'garbage', 'http'] as const)(
    'a host with the behaviour %s at connection fails, over http and https',
    async (behaviour) => {
      const receiver = await startConnectTorture(behaviour);
      onTestFinished(() => receiver.close());
      const timeout = behaviour === 'silent' ? 1000 : WAIT_LIMIT_MS;
      for (const { attempt } of await Promise.all(
        ['http', 'https'].map((scheme) => attemptAt(`${scheme}://127.0.0.1:${receiver.port}/`, { timeout })),
      )) {
        expect(attempt?.statusCode ?? 0, JSON.stringify(attempt)).not.toBe(200);
        expect(['timeout', 'connection_closed', 'bad_response', 'tls_failed', 'http_error']).toContain(
          attempt?.outcome,
        );
      }
    },
  );

  it('a port without a listener refuses the connection', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    expect((await attemptAt(receiver.url)).attempt).toMatchObject({
      outcome: 'connection_refused',
      statusCode: null,
    });
  });

  it('a receiver that reads slowly gets a large request', async () => {
    const { url } = await torture();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: `${url}/read/slow` });
    const { deliveries } = await webhooks.emit('message.user', { messageId: 'm', text: 'x'.repeat(250_000) });
    expect((await webhooks.settled(deliveries))[0]?.status).toBe('success');
  });

  it('an answer injected on an idle connection does not answer the next request', async () => {
    const { url } = await torture();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: `${url}/inject` });
    for (let i = 0; i < 5; i++) {
      const { deliveries } = await webhooks.emit('tool.start', toolStart(i));
      const [delivery] = await webhooks.settled(deliveries);
      expect(delivery).toMatchObject({ status: 'success', attempts: 1 });
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  });

  it.each([0, 5, 20])(
    'no attempt is lost to a receiver that closes idle connections after %i ms',
    async (ms) => {
      const { url, connections } = await torture();
      const { webhooks } = startWebhooks();
      await webhooks.register({ url: `${url}/keep-alive/${ms}` });
      const all: string[] = [];
      for (let i = 0; i < 60; i++) {
        all.push(...(await webhooks.emit('tool.start', toolStart(i))).deliveries);
        await new Promise((resolve) => setTimeout(resolve, i % 2 === 0 ? ms : ms / 2));
      }
      const settled = await webhooks.settled(all);
      expect(settled.filter(({ attempts }) => attempts !== 1)).toEqual([]);
      expect(connections()).toBeGreaterThan(1);
    },
  );

  it('no attempt is lost to a receiver that closes an idle connection while this thread is blocked', async () => {
    let requests = 0;
    const server = createServer((socket) => {
      socket.on('data', (head) => {
        if (!head.includes('POST')) return;
        if (++requests !== 2) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        else {
          socket.resetAndDestroy();
          // In the next turn of the event loop, the timers of the sender come before its sockets.
          blockThread(1100);
        }
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    for (let i = 0; i < 2; i++) {
      const { deliveries } = await webhooks.emit('tool.start', toolStart(i));
      expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'success', attempts: 1 }]);
    }
    expect(requests).toBe(3);
  });

  it('a hundred deliveries use at most 8 connections', async () => {
    const { url, connections } = await torture();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: `${url}/ok` });
    const emitted = await Promise.all(
      Array.from({ length: 100 }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
    );
    await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    expect(connections()).toBeLessThanOrEqual(8);
  });

  it('no file handle stays open', async () => {
    const { url } = await torture();
    const count = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
    const before = count();
    await Promise.all(
      ['/silent', '/drip/body', '/reset', '/endless/body'].map(async (path) => {
        const { webhooks } = await attemptAt(url + path, { timeout: 1000 });
        await webhooks.close();
      }),
    );
    await expect.poll(count).toBeLessThanOrEqual(before + 4);
  });
});
