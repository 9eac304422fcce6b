// WEBHOOKS.md "Outcomes", each row against a receiver that really answers so; and group R of the abuse cases: whatever a receiver does, the
// process lives, the attempt ends in time, and the outcome is the right one. Numbers are those of WEBHOOK-FACTS.md (d).

import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startTorture } from '../../src/receiver/torture.ts';
import { behaviours } from '../../src/receiver/torture-behaviours.ts';
import { startConnectTorture } from '../receiver/connect-torture.ts';
import { startReceiver } from './recording-receiver.ts';
import { secret, startWebhooks, toolStart } from './start-webhooks.ts';

async function torture() {
  const started = await startTorture();
  onTestFinished(() => started.close());
  return started;
}

/** Registers a webhook to `path`, emits once, and gives the delivery after its first attempt. */
async function attemptAt(url: string, more: Record<string, unknown> = {}) {
  const { webhooks, warnings } = startWebhooks();
  const id = await webhooks.register({ url, retryCount: 0, timeout: 1000, ...more });
  const { deliveries } = await webhooks.emit('tool.start', toolStart());
  const [deliveryId = ''] = deliveries;
  const read = async () => (await webhooks.getHistory()).find((delivery) => delivery.id === deliveryId);
  await expect
    .poll(async () => (await read())?.attemptLog.length, {
      timeout: 8000,
      interval: 10,
      message: `no attempt at ${url}`,
    })
    .toBeGreaterThanOrEqual(1);
  const delivery = await read();
  if (delivery === undefined) throw new Error('the delivery is gone');
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
    '112: %i is refused as a redirect and never followed',
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

  it('112: a redirect without Location, and a Refresh header', async () => {
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
  ])('100: the status %s is %s', async (status, outcome) => {
    const { url } = await torture();
    expect((await attemptAt(`${url}/status/${status}`)).attempt?.outcome).toBe(outcome);
  });

  it('115: 410 disables the webhook at once, says so, and what waits is kept', async () => {
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
    const [delivery] = await webhooks.getHistory({ webhookId: id });
    expect(delivery).toMatchObject({ id: deliveries[0], status: 'pending', reason: 'gone' });
    await webhooks.emit('tool.start', toolStart());
    expect((await webhooks.get(id))?.state.missed).toBe(1);
    expect(warnings.join()).toContain('is disabled');
  });

  it('116: webhook-delivery: disable with 200 and with 500; abort-message; garbage', async () => {
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

  it('400, 405, 413, 414, 415, 422 and 501 are tried 5 times, 500 as often as configured', async () => {
    const { url } = await torture();
    for (const [status, attempts] of [
      [422, 5],
      [500, 8],
    ] as const) {
      const { webhooks } = startWebhooks();
      await webhooks.register({ url: `${url}/status/${status}`, retryCount: 7, retryDelay: 100 });
      const { deliveries } = await webhooks.emit('tool.start', toolStart());
      // The breaker opens at the fifth failure.
      await expect
        .poll(async () => (await webhooks.getHistory())[0]?.attempts, { timeout: 8000 })
        .toBeGreaterThanOrEqual(5);
      const [delivery] = await webhooks.getHistory();
      expect(delivery?.id).toBe(deliveries[0]);
      expect(delivery?.status).toBe(attempts === 5 ? 'failed' : 'pending');
    }
  }, 20_000);

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
  ])('113: 429 with Retry-After %j pauses the webhook and spends no attempt', async (value, least, most) => {
    const { url } = await torture();
    const query = value === undefined ? '' : `?value=${encodeURIComponent(value)}`;
    const startedAt = Date.now();
    const { delivery, attempt, webhooks, id } = await attemptAt(`${url}/retry-after/429${query}`);
    expect(attempt).toMatchObject({ outcome: 'rate_limited', counted: false });
    expect(delivery).toMatchObject({ status: 'pending', attempts: 0 });
    const state = (await webhooks.get(id))?.state;
    const pausedFor = Date.parse(state?.pausedUntil ?? '') - startedAt;
    expect(state?.status).toBe('paused');
    expect(pausedFor).toBeGreaterThanOrEqual(least);
    expect(pausedFor).toBeLessThan(most + 3000);
  });

  it('113: ten Retry-After headers say nothing', async () => {
    const { url } = await torture();
    const startedAt = Date.now();
    const { webhooks, id } = await attemptAt(`${url}/retry-after-many`);
    const until = Date.parse((await webhooks.get(id))?.state.pausedUntil ?? '');
    expect(until - startedAt).toBeGreaterThanOrEqual(60_000);
  });

  it('a pause holds back every delivery of the webhook, then they come', async () => {
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

  it('114: 503 with Retry-After pauses the webhook and spends an attempt; without, it is a failure as any', async () => {
    const { url } = await torture();
    const paused = await attemptAt(`${url}/retry-after/503?value=30`, { retryCount: 3 });
    expect(paused.delivery).toMatchObject({ status: 'pending', attempts: 1 });
    expect((await paused.webhooks.get(paused.id))?.state.status).toBe('paused');
    const plain = await attemptAt(`${url}/retry-after/503`, { retryCount: 3 });
    expect(plain.delivery).toMatchObject({ status: 'pending', attempts: 1 });
    expect((await plain.webhooks.get(plain.id))?.state.status).toBe('failing');
  });

  it('117: 502 and 504 halve how many requests are under way', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    let answered = 0;
    receiver.answer((_request, response) => {
      const status = ++answered <= 3 ? 502 : 200;
      setTimeout(() => response.writeHead(status).end(), 30);
    });
    await webhooks.register({ url: receiver.url, retryDelay: 60_000 });
    await Promise.all(Array.from({ length: 3 }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
    await expect.poll(async () => (await webhooks.stats()).latency.http_error?.count).toBe(3);
    let most = 0;
    let now = 0;
    receiver.answer((_request, response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.writeHead(502).end();
      }, 30);
    });
    await webhooks.emit('tool.start', toolStart());
    await webhooks.emit('tool.start', toolStart());
    await expect.poll(async () => (await webhooks.stats()).latency.http_error?.count).toBe(5);
    // 8, 4, 2, 1: one at a time by now.
    expect(most).toBe(1);
  });

  it('118: after a 401 in the grace of a rotation the first version’s headers are swapped', async () => {
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
    // Remembered: the next one is right at once.
    const second = await webhooks.emit('tool.start', toolStart());
    expect((await webhooks.settled(second.deliveries))[0]).toMatchObject({ status: 'success', attempts: 1 });
    const [request] = receiver.requests;
    if (request === undefined) throw new Error('nothing came');
    const { headers, body } = request;
    expect(String(headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect(verifySignature(body, headers['x-webhook-signature'], newSecret)).toBe(true);
    expect(verifySignature(body, headers['x-webhook-signature-previous'], secret)).toBe(true);
  });

  it('119: success and failure in turn do not open the breaker', async () => {
    const { url } = await torture();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: `${url}/flaky`, retryDelay: 100 });
    const emitted = [];
    for (let i = 0; i < 12; i++) {
      emitted.push(await webhooks.emit('tool.start', toolStart(i)));
      await webhooks.settled(emitted.at(-1)?.deliveries ?? []);
    }
    expect((await webhooks.get(id))?.state.status).not.toBe('open');
  });
});

describe('whatever a receiver does', () => {
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
    // The status line decides, whatever is wrong with the rest of the head.
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

  it('every behaviour of the torture receiver has an outcome here', () => {
    expect(Object.keys(outcomes)).toEqual(behaviours.map(({ path }) => path));
  });

  it.each(Object.entries(outcomes))('90-112: %s ends as %s, in time', async (path, outcome) => {
    const { url } = await torture();
    const startedAt = performance.now();
    const { delivery, attempt } = await attemptAt(url + path.replace('*', parts[path] ?? '1'));
    const seen = JSON.stringify(attempt)?.slice(0, 300);
    expect([outcome].flat(), seen).toContain(attempt?.outcome);
    // The time-out is 1 s; a body may take 2 s more after its status.
    expect(performance.now() - startedAt, seen).toBeLessThan(4000);
    expect(delivery.status, seen).toBe(
      attempt?.outcome === 'success' ? 'success' : attempt?.outcome === 'rate_limited' ? 'pending' : 'failed',
    );
    expect(attempt?.responseExcerpt?.length ?? 0).toBeLessThanOrEqual(4096);
  });

  it('102: a body of 1 GB, and endless ones, take no memory', async () => {
    const { url } = await torture();
    const before = process.memoryUsage().rss;
    for (const path of ['/body/1gb', '/endless/body', '/endless/chunks', '/bomb/layers'])
      await attemptAt(url + path);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  it('124: bodies are kept as text that harms nobody, and cut at a code point', async () => {
    const { url } = await torture();
    expect((await attemptAt(`${url}/body/4096`)).attempt?.responseExcerpt).toBe('x'.repeat(4095));
    expect((await attemptAt(`${url}/body/binary`)).attempt?.responseExcerpt).toBe('\ufffd\ufffd\u0000\ufffd');
    expect((await attemptAt(`${url}/body/ansi`)).attempt?.responseExcerpt).toContain('red');
  });

  it.each(['silent', 'reset', 'close', 'ssh', 'garbage', 'http'] as const)(
    '91-94: a host that is %s at connection, over http and https',
    async (behaviour) => {
      const receiver = await startConnectTorture(behaviour);
      onTestFinished(() => receiver.close());
      for (const scheme of ['http', 'https']) {
        const { attempt } = await attemptAt(`${scheme}://127.0.0.1:${receiver.port}/`);
        expect(attempt?.statusCode ?? 0, JSON.stringify(attempt)).not.toBe(200);
        expect(['timeout', 'connection_closed', 'bad_response', 'tls_failed', 'http_error']).toContain(
          attempt?.outcome,
        );
      }
    },
  );

  it('a port that nobody listens on', async () => {
    const receiver = await startReceiver();
    await receiver.close();
    expect((await attemptAt(receiver.url)).attempt).toMatchObject({
      outcome: 'connection_refused',
      statusCode: null,
    });
  });

  it('125: a large request to a receiver that reads slowly', async () => {
    const { url } = await torture();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: `${url}/read/slow` });
    const { deliveries } = await webhooks.emit('message.user', { messageId: 'm', text: 'x'.repeat(250_000) });
    expect((await webhooks.settled(deliveries))[0]?.status).toBe('success');
  });

  it('109: an answer injected on an idle connection does not answer the next request', async () => {
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
    '110: no attempt is lost to a receiver that closes idle connections after %i ms',
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

  it('keeps connections: a hundred deliveries need no hundred sockets', async () => {
    const { url, connections } = await torture();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: `${url}/ok` });
    const emitted = await Promise.all(
      Array.from({ length: 100 }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
    );
    await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    expect(connections()).toBeLessThanOrEqual(8);
  });

  it('leaves no open handle behind', async () => {
    const { url } = await torture();
    const count = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
    const before = count();
    for (const path of ['/silent', '/drip/body', '/reset', '/endless/body']) {
      const { webhooks } = await attemptAt(url + path);
      await webhooks.close();
    }
    await expect.poll(count).toBeLessThanOrEqual(before + 4);
  });
});
