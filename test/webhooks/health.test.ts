// Retries, the breaker, failing and disabled webhooks, and jumps of the clock. Long times pass by the injected clock.

import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClockSkewWatch } from '../../src/webhooks/clock-skew.ts';
import { createDeliveryClock } from '../../src/webhooks/delivery-clock.ts';
import { decideNext, lifetimeMs, retryDelayMs } from '../../src/webhooks/retry-policy.ts';
import { newState } from '../../src/webhooks/saved-state.ts';
import { checkUndiciVersion } from '../../src/webhooks/undici-version.ts';
import { judge } from '../../src/webhooks/verdict.ts';
import { afterFailure, afterSuccess } from '../../src/webhooks/webhook-health.ts';
import { movableClock, stoppedClock } from './movable-clock.ts';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe('retries', () => {
  it('wait 1 s, doubling to 12 h, about 78 h in total', () => {
    const delays = Array.from({ length: 21 }, (_, i) => retryDelayMs(i + 1, 1000, 0.5));
    expect(delays.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
    expect(Math.max(...delays)).toBe(12 * hour);
    const total = delays.reduce((sum, delay) => sum + delay, 0);
    expect(total / hour).toBeGreaterThan(70);
    expect(total / hour).toBeLessThan(80);
  });

  it('vary by a quarter in both directions', () => {
    expect(retryDelayMs(3, 1000, 0)).toBe(3000);
    expect(retryDelayMs(3, 1000, 1)).toBe(5000);
    expect(retryDelayMs(1000, 3_600_000, 1)).toBe(15 * hour);
  });

  it('end after retryCount, after 5 for a faulty request, after 24 pauses, and at the expiry', () => {
    const now = 1_000_000;
    const options = { retryCount: 21, retryDelay: 1000, now, patient: now, random: 0.5 };
    const answer = (statusCode: number) =>
      judge(
        {
          kind: 'answer',
          statusCode,
          headers: {
            retryAfter: undefined,
            deliveryControl: undefined,
            date: undefined,
            location: undefined,
          },
          excerpt: '',
          durationMs: 1,
        },
        now,
      );
    const at = (attempts: number, status: number, more = {}) =>
      decideNext({ attempts, pauses: 0, expiresAt: now + lifetimeMs, ...more }, answer(status), options);
    expect(at(21, 500)).toMatchObject({ kind: 'again' });
    expect(at(22, 500)).toMatchObject({ kind: 'ended', status: 'failed', reason: 'http_error' });
    expect(at(4, 422)).toMatchObject({ kind: 'again' });
    expect(at(5, 422)).toMatchObject({ kind: 'ended', status: 'failed' });
    expect(at(0, 429, { pauses: 24 })).toMatchObject({ kind: 'again', at: now + 60_000 });
    expect(at(0, 429, { pauses: 25 })).toMatchObject({ kind: 'ended', reason: 'rate_limited' });
    expect(at(3, 500, { expiresAt: now })).toMatchObject({ kind: 'ended', reason: 'expired' });
    expect(at(20, 500, { expiresAt: now + hour })).toMatchObject({ kind: 'again', at: now + hour - 1000 });
  });
});

describe('the breaker', () => {
  it('opens after 5 failures in a row for 1 s, doubling to 60 s, and closes with a success', () => {
    let state = newState;
    let now = 1_000_000;
    for (let i = 0; i < 4; i++) ({ state } = afterFailure(state, now, 0.5));
    expect(state.openUntil).toBeNull();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      ({ state } = afterFailure(state, now, 0.5));
      waits.push((state.openUntil ?? 0) - now);
      now = (state.openUntil ?? 0) + 1;
    }
    expect(waits.map((wait) => wait / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    // Requests that were under way when it opened do not open it further.
    const { openUntil } = state;
    ({ state } = afterFailure({ ...state, openUntil: now + 1000 }, now, 0.5));
    expect(state.openUntil).toBe(now + 1000);
    expect(openUntil).not.toBeNull();
    expect(afterSuccess(state).state).toMatchObject({ failures: 0, openUntil: null, openLevel: 0 });
  });

  it('probes a refused connection at least every 5 s for an hour, then at most every 60 s', () => {
    for (const random of [0, 0.5, 1]) {
      let state = newState;
      const start = 1_000_000;
      let now = start;
      for (let i = 0; i < 5; i++) ({ state } = afterFailure(state, now, random, 'refused'));
      while (now < start + 2 * hour) {
        const wait = (state.openUntil ?? 0) - now;
        expect(wait).toBeGreaterThanOrEqual(500);
        expect(wait).toBeLessThanOrEqual(now < start + hour ? 5000 : 60_000);
        now = state.openUntil ?? 0;
        ({ state } = afterFailure(state, now, random, 'refused'));
      }
      expect((state.openUntil ?? 0) - now).toBeGreaterThan(40_000);
    }
  });

  it('does not open for answers that prove that the receiver works', () => {
    let state = newState;
    for (let i = 0; i < 20; i++) ({ state } = afterFailure(state, 1_000_000, 0.5, 'alive'));
    expect(state).toMatchObject({ failures: 20, openUntil: null });
    for (let i = 0; i < 4; i++) ({ state } = afterFailure(state, 1_000_000, 0.5));
    ({ state } = afterFailure(state, 1_000_000, 0.5, 'alive'));
    ({ state } = afterFailure(state, 1_000_000, 0.5));
    expect(state.openUntil).toBeNull();
  });

  it('lets thousands of deliveries to a dead host wait without spending attempts', async () => {
    const receiver = await startReceiver();
    // The clock stands still, so that no probe becomes due.
    const { webhooks } = startWebhooks({ clock: stoppedClock().clock });
    await receiver.close();
    const id = await webhooks.register({ url: receiver.url });
    await Promise.all(Array.from({ length: 2000 }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
    await expect.poll(async () => (await webhooks.get(id))?.state.status).toBe('open');
    const { latency, pending } = await webhooks.stats();
    expect(pending).toBe(2000);
    // 5 to open it, and those that were open at the same time.
    expect(latency.connection_refused?.count).toBeLessThanOrEqual(5 + 8);
    const untouched = await webhooks.getHistory({ limit: 2000 });
    expect(untouched.filter(({ attempts }) => attempts === 0).length).toBeGreaterThanOrEqual(2000 - 13);
  });

  it('sends 1, 2, 4, then 8 requests at the same time to a host that recovers', async () => {
    const receiver = await startReceiver();
    const time = movableClock();
    const { webhooks } = startWebhooks({ clock: time.clock });
    let isUp = false;
    const held: ServerResponse[] = [];
    receiver.answer((_request, response) => {
      if (isUp) held.push(response);
      else response.writeHead(500).end();
    });
    const id = await webhooks.register({ url: receiver.url, retryDelay: 3_600_000, timeout: 60_000 });
    await Promise.all(Array.from({ length: 60 }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
    await expect.poll(async () => (await webhooks.get(id))?.state.status).toBe('open');
    await expect.poll(async () => (await webhooks.stats()).inFlight).toBe(0);
    isUp = true;
    // The probe becomes due.
    time.pass(60_000);
    await webhooks.emit('tool.start', toolStart());
    // One is answered at a time: the probe, the one after it, then one of two, and one of four.
    for (const atOnce of [1, 1, 2, 4, 8]) {
      await expect.poll(() => held.length).toBe(atOnce);
      expect((await webhooks.stats()).inFlight).toBe(atOnce);
      if (atOnce < 8) held.shift()?.writeHead(200).end();
    }
    receiver.answer((_request, response) => void response.writeHead(200).end());
    for (const response of held) response.writeHead(200).end();
    await expect.poll(async () => (await webhooks.stats()).delivered).toBeGreaterThan(40);
  });

  it('of a dead webhook does not affect the others', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: 'http://127.0.0.1:1010/' });
    for (let i = 0; i < 20; i++) await webhooks.register({ url: `${receiver.url}/${i}` });
    const emitted = await Promise.all(
      Array.from({ length: 20 }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
    );
    await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries.slice(1)));
    expect(receiver.requests).toHaveLength(400);
  });
});

describe('a webhook that only fails', () => {
  it('is failing after an hour, and disabled after five days and 20 attempts', () => {
    let state = newState;
    const start = 1_000_000;
    const changes: string[] = [];
    for (let at = start; at <= start + 6 * day; at += hour / 2) {
      const result = afterFailure(state, at, 0.5);
      state = result.state;
      if (result.change !== undefined) changes.push(`${result.change} ${(at - start) / hour}`);
      if (result.change === 'disable') break;
    }
    expect(changes).toEqual(['failing 1', 'disable 120']);
    // Fewer attempts do not disable it, however long they take.
    let rare = newState;
    const told: (string | undefined)[] = [];
    for (let i = 0; i < 19; i++) {
      const result = afterFailure(rare, start + i * day, 0.5);
      rare = result.state;
      told.push(result.change);
    }
    expect(told).not.toContain('disable');
    expect(afterSuccess(rare).change).toBe('recovered');
    expect(afterSuccess(newState).change).toBeUndefined();
  });

  it('causes webhook.failing, webhook.recovered and webhook.disabled for others', async () => {
    const receiver = await startReceiver();
    const witness = await startReceiver();
    const time = movableClock();
    const { webhooks, warnings } = startWebhooks({ clock: time.clock });
    await webhooks.register({ url: witness.url, events: ['webhook.*'] });
    let status = 500;
    receiver.answer((_request, response) => response.writeHead(status).end());
    const id = await webhooks.register({ url: receiver.url, events: ['tool.*'], retryDelay: 3_600_000 });
    const heard = () => witness.requests.map(({ headers }) => headers['x-webhook-event']);
    const fail = async () => {
      await webhooks.update(id, { enabled: false });
      await webhooks.enable(id);
    };
    await webhooks.emit('tool.start', toolStart());
    await expect.poll(async () => (await webhooks.get(id))?.state.failures).toBe(1);
    time.pass(hour + 60_000);
    await webhooks.emit('tool.start', toolStart());
    await expect.poll(heard).toContain('webhook.failing');
    expect(warnings.join()).toContain('has had only failures since');
    status = 200;
    await webhooks.emit('tool.start', toolStart());
    await expect.poll(heard).toContain('webhook.recovered');
    await fail();
    await expect.poll(heard).toContain('webhook.disabled');
    const [failing] = witness.requests;
    expect(JSON.parse(failing?.body.toString() ?? '').data).toMatchObject({
      webhookId: id,
      failures: 2,
      reason: 'Answered 500',
    });
  });
});

describe('the clock', () => {
  it('never goes back, and a jump forward does not let deliveries expire', () => {
    let wall = 1_000_000_000_000;
    let steady = 0;
    const clock = createDeliveryClock({ wall: () => wall, monotonic: () => steady });
    const start = clock.now();
    wall -= 30 * day;
    steady += 1000;
    expect(clock.now()).toBe(start + 1000);
    wall += 60 * day;
    expect(clock.now()).toBe(start + 30 * day);
    expect(clock.patient()).toBe(start + 1000);
    wall -= 30 * day;
    steady += 1000;
    expect(clock.now()).toBe(start + 30 * day + 1000);
    wall = 0;
    expect(clock.now()).toBeGreaterThanOrEqual(start + 30 * day);
  });

  it.each([hour, 30 * day, -hour, -30 * day])(
    'after a jump of %i ms retries continue at their times',
    async (ms) => {
      const receiver = await startReceiver();
      const time = movableClock();
      const { webhooks } = startWebhooks({ clock: time.clock });
      receiver.answer((_request, response) =>
        response.writeHead(receiver.requests.length < 20 ? 500 : 200).end(),
      );
      const id = await webhooks.register({ url: receiver.url, retryDelay: 100 });
      const { deliveries } = await webhooks.emit('tool.start', toolStart());
      await receiver.received(1);
      time.jump(ms);
      await receiver.received(3);
      const first = receiver.requests[0]?.at ?? 0;
      const third = receiver.requests[2]?.at ?? 0;
      // Two retries of 100 and 200 ms, a quarter less at least. After a jump forward the first may come at once.
      expect(third - first).toBeGreaterThan(ms > 0 ? 140 : 210);
      expect((await webhooks.getHistory({ webhookId: id }))[0]).toMatchObject({
        id: deliveries[0],
        status: 'pending',
      });
    },
  );

  it('that was ahead in an earlier process does not delay deliveries', async () => {
    const receiver = await startReceiver();
    const time = movableClock();
    const ahead = startWebhooks({ clock: time.clock });
    time.jump(30 * day);
    receiver.answer((_request, response) => response.writeHead(500).end());
    await ahead.webhooks.register({ url: receiver.url, retryDelay: 1000 });
    const { deliveries } = await ahead.webhooks.emit('tool.start', toolStart());
    await expect.poll(async () => (await ahead.webhooks.getHistory())[0]?.attempts).toBe(1);
    await ahead.webhooks.close();
    receiver.answer((_request, response) => response.end());
    const now = startWebhooks({ home: ahead.home });
    const [delivery] = await now.webhooks.getHistory();
    expect(Date.parse(delivery?.nextAttemptAt ?? '') - Date.now()).toBeLessThan(16 * hour);
    await now.webhooks.retry(deliveries[0] ?? '');
    expect((await now.webhooks.settled(deliveries))[0]?.status).toBe('success');
  });

  it('that jumped while the machine was off for three days expires and disables nothing', async () => {
    const receiver = await startReceiver();
    const before = startWebhooks();
    await receiver.close();
    const id = await before.webhooks.register({ url: receiver.url });
    const emitted = await Promise.all(
      Array.from({ length: 50 }, (_, i) => before.webhooks.emit('tool.start', toolStart(i))),
    );
    await before.webhooks.close();
    const again = await startReceiver(receiver.port);
    const time = movableClock();
    time.jump(3 * day);
    const after = startWebhooks({ home: before.home, clock: time.clock });
    const settled = await after.webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    expect(settled.every(({ status }) => status === 'success')).toBe(true);
    expect(again.requests.length).toBeGreaterThanOrEqual(50);
    expect((await after.webhooks.get(id))?.enabled).toBe(true);
  });

  it('lets deliveries expire after 96 h', async () => {
    const receiver = await startReceiver();
    const before = startWebhooks();
    receiver.answer((_request, response) => response.writeHead(500).end());
    await before.webhooks.register({ url: receiver.url, retryDelay: 3_600_000 });
    const { deliveries } = await before.webhooks.emit('tool.start', toolStart());
    await expect.poll(async () => (await before.webhooks.getHistory())[0]?.attempts).toBe(1);
    await before.webhooks.close();
    const time = movableClock();
    time.jump(97 * hour);
    const after = startWebhooks({ home: before.home, clock: time.clock });
    expect(await after.webhooks.settled(deliveries)).toMatchObject([
      { status: 'failed', reason: 'expired', attempts: 1 },
    ]);
    expect(receiver.requests).toHaveLength(1);
  });

  it('causes a clock_skew warning once three receivers disagree with it', () => {
    const watch = createClockSkewWatch();
    const wall = Date.parse('2026-11-23T12:00:00Z');
    const date = 'Mon, 23 Nov 2026 11:50:00 GMT';
    expect(watch.observe('a', date, wall)).toBeUndefined();
    expect(watch.observe('a', date, wall)).toBeUndefined();
    expect(watch.observe('b', date, wall)).toBeUndefined();
    expect(watch.observe('c', 'Mon, 23 Nov 2026 12:00:30 GMT', wall)).toBeUndefined();
    expect(watch.observe('d', date, wall)).toBe(600);
    expect(watch.observe('e', date, wall)).toBeUndefined();
    expect(createClockSkewWatch().observe('a', 'garbage', wall)).toBeUndefined();
  });
});

it('an undici version that receivers can crash is refused with a message', () => {
  for (const version of ['7.29.1', '8.5.0', '6.0.0'])
    expect(() => checkUndiciVersion(version)).toThrow(/8\.6 or later/);
  for (const version of ['8.6.0', '8.12.4', '9.0.0']) expect(() => checkUndiciVersion(version)).not.toThrow();
});

it('proxies of the environment have no effect', async () => {
  const receiver = await startReceiver();
  for (const name of ['HTTP_PROXY', 'http_proxy']) vi.stubEnv(name, 'http://127.0.0.1:9');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { webhooks } = startWebhooks();
  await webhooks.register({ url: receiver.url });
  const [delivery] = await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
  expect(delivery?.status).toBe('success');
});
