// The breaker: which receivers it stops deliveries to, how a receiver that works again is found, and which commands
// go through it.

import { describe, expect, it } from 'vitest';
import { stoppedClock } from './movable-clock.ts';
import { type RecordingReceiver, startReceiver } from './recording-receiver.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

type Webhooks = ReturnType<typeof startWebhooks>['webhooks'];

const hour = 3_600_000;

function eventOf({ headers }: RecordingReceiver['requests'][number]): string {
  return String(headers['x-webhook-event']);
}

function statusOf(webhooks: Webhooks, id: string): Promise<string | undefined> {
  return webhooks.get(id).then((webhook) => webhook?.state.status);
}

async function emitTools(webhooks: Webhooks, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(...(await webhooks.emit('tool.start', toolStart(i))).deliveries);
  return ids;
}

/** Wait until the history has all attempts. */
async function recorded(webhooks: Webhooks): Promise<void> {
  await expect
    .poll(async () => {
      const tried = Object.values((await webhooks.stats()).latency).reduce(
        (sum, { count }) => sum + count,
        0,
      );
      const history = await webhooks.getHistory({ limit: 200 });
      return tried - history.reduce((sum, { attemptLog }) => sum + attemptLog.length, 0);
    })
    .toBe(0);
}

/** A webhook with an open breaker. Its receiver is closed, and `receiver.port` is free for the next one. */
async function withOpenBreaker(options: { ordered?: boolean; deliveries?: number } = {}) {
  const receiver = await startReceiver();
  await receiver.close();
  const time = stoppedClock();
  const { webhooks, home } = startWebhooks({ clock: time.clock, random: () => 0.5 });
  const id = await webhooks.register({
    url: receiver.url,
    retryDelay: hour,
    ordered: options.ordered ?? false,
  });
  const waiting = await emitTools(webhooks, options.deliveries ?? 6);
  return { receiver, time, webhooks, home, id, waiting };
}

describe('a receiver that answers', () => {
  it('with 4xx to one type of event gets all others', async () => {
    const receiver = await startReceiver();
    receiver.answer((request, response) =>
      response.writeHead(eventOf(request) === 'session.start' ? 200 : 404).end(),
    );
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url, retryDelay: hour });
    for (let i = 0; i < 4; i++) {
      await emitTools(webhooks, 6);
      const { deliveries } = await webhooks.emit('session.start', { title: 'x' });
      expect(await webhooks.settled(deliveries)).toMatchObject([{ status: 'success', attempts: 1 }]);
    }
    expect(await statusOf(webhooks, id)).not.toBe('open');
  });

  it('with abort-message, even with a 5xx, does not open the breaker', async () => {
    const receiver = await startReceiver();
    receiver.answer((_request, response) =>
      response.writeHead(500, { 'webhook-delivery': 'abort-message' }).end(),
    );
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url });
    await webhooks.settled(await emitTools(webhooks, 12));
    expect(await statusOf(webhooks, id)).not.toBe('open');
    expect(receiver.requests).toHaveLength(12);
  });

  it('with 4xx after it was down closes the breaker', async () => {
    const { receiver, time, webhooks, id } = await withOpenBreaker();
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    const again = await startReceiver(receiver.port);
    again.answer((_request, response) => response.writeHead(404).end());
    time.pass(5000);
    await webhooks.emit('tool.start', toolStart());
    await expect.poll(() => statusOf(webhooks, id)).toBe('failing');
  });

  it('with 500 to one type of event is probed with another type', async () => {
    const receiver = await startReceiver();
    receiver.answer((request, response) =>
      response.writeHead(eventOf(request) === 'tool.start' ? 500 : 200).end(),
    );
    const time = stoppedClock();
    const { webhooks } = startWebhooks({ clock: time.clock, random: () => 0.5 });
    const id = await webhooks.register({ url: receiver.url, retryDelay: 100 });
    await emitTools(webhooks, 5);
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    const before = receiver.requests.length;
    const { deliveries } = await webhooks.emit('session.start', { title: 'x' });
    // All failed ones are due too, and were due before.
    time.pass(2000);
    await webhooks.emit('session.start', { title: 'y' });
    await webhooks.settled(deliveries);
    const probe = receiver.requests[before];
    expect(probe === undefined ? undefined : eventOf(probe)).toBe('session.start');
  });

  it('with 4xx is not probed with the event that it refused', async () => {
    const receiver = await startReceiver();
    let isDown = false;
    receiver.answer((request, response) => {
      if (isDown) response.destroy();
      else response.writeHead(eventOf(request) === 'tool.start' ? 404 : 200).end();
    });
    const time = stoppedClock();
    const { webhooks } = startWebhooks({ clock: time.clock, random: () => 0.5 });
    const id = await webhooks.register({ url: receiver.url, retryDelay: 100 });
    await emitTools(webhooks, 3);
    await expect.poll(async () => (await webhooks.stats()).latency.http_error?.count).toBe(3);
    isDown = true;
    for (let i = 0; i < 5; i++) await webhooks.emit('session.start', { title: `${i}` });
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    const before = receiver.requests.length;
    isDown = false;
    time.pass(10_000);
    const { deliveries } = await webhooks.emit('session.end', { reason: 'deleted' });
    await webhooks.settled(deliveries);
    const probe = receiver.requests[before];
    expect(probe === undefined ? undefined : eventOf(probe)).not.toBe('tool.start');
  });
});

describe('a receiver that works again', () => {
  it('gets all waiting deliveries at once; none lost an attempt meanwhile', async () => {
    const { receiver, time, webhooks, id, waiting } = await withOpenBreaker({ deliveries: 12 });
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    const refused = async () => (await webhooks.stats()).latency.connection_refused?.count ?? 0;
    for (let i = 0; i < 30; i++) {
      const before = await refused();
      time.pass(5000);
      await webhooks.emit('tool.start', toolStart());
      // Every probe is due within 5 s.
      await expect.poll(refused, { message: `probe ${i}` }).toBeGreaterThan(before);
    }
    const spent = await webhooks.getHistory({ limit: 200 });
    expect(Math.max(...spent.map(({ attempts }) => attempts))).toBe(1);
    expect(spent.every(({ attemptLog, attempts }) => attemptLog.length === attempts)).toBe(true);
    await startReceiver(receiver.port);
    time.pass(5000);
    await webhooks.emit('tool.start', toolStart());
    // The first ones were to be tried again in an hour.
    expect((await webhooks.settled(waiting)).every(({ status }) => status === 'success')).toBe(true);
    expect(await statusOf(webhooks, id)).toBe('healthy');
  });

  it('is found by a probe without new events', async () => {
    const { receiver, time, webhooks, id } = await withOpenBreaker({ deliveries: 5 });
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    await expect
      .poll(async () => (await webhooks.getHistory()).map(({ attempts }) => attempts))
      .toEqual([1, 1, 1, 1, 1]);
    const again = await startReceiver(receiver.port);
    time.pass(1500);
    // The timer of the probe is real.
    await again.received(5);
    const all = await webhooks.getHistory();
    await webhooks.settled(all.map(({ id }) => id));
    expect((await webhooks.getHistory()).every(({ attempts }) => attempts === 2)).toBe(true);
  });

  it('is probed at most once a minute while it answers 5xx', async () => {
    const receiver = await startReceiver();
    receiver.answer((_request, response) => response.writeHead(503).end());
    const time = stoppedClock();
    const { webhooks } = startWebhooks({ clock: time.clock, random: () => 0.5 });
    const id = await webhooks.register({ url: receiver.url, retryDelay: hour });
    await emitTools(webhooks, 5);
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      const next = (await webhooks.get(id))?.state.nextProbeAt ?? '';
      const wait = Date.parse(next) - time.clock.wall();
      waits.push(wait / 1000);
      const before = receiver.requests.length;
      time.pass(wait);
      await webhooks.emit('tool.start', toolStart());
      await receiver.received(before + 1);
      await expect.poll(async () => (await webhooks.get(id))?.state.nextProbeAt).not.toBe(next);
      await expect.poll(async () => (await webhooks.get(id))?.state.inFlight).toBe(0);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it('is probed at once by the next process', async () => {
    const { receiver, webhooks, home, id, waiting } = await withOpenBreaker();
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    await webhooks.close();
    await startReceiver(receiver.port);
    const next = startWebhooks({ home, clock: stoppedClock().clock });
    expect((await next.webhooks.settled(waiting)).every(({ status }) => status === 'success')).toBe(true);
  });
});

describe.each([false, true])('a command (ordered: %s)', (ordered) => {
  /** A webhook whose receiver asked for a pause of a day, and a waiting delivery. */
  async function withPause() {
    const receiver = await startReceiver();
    receiver.answer((_request, response) => response.writeHead(429, { 'retry-after': '86400' }).end());
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url, ordered });
    const [waiting = ''] = await emitTools(webhooks, 1);
    await expect.poll(() => statusOf(webhooks, id)).toBe('paused');
    await recorded(webhooks);
    receiver.answer((_request, response) => response.end());
    return { receiver, webhooks, id, waiting };
  }

  it('test sends during a pause, and its success ends the pause', async () => {
    const { webhooks, id } = await withPause();
    const delivery = await webhooks.test(id);
    expect((await webhooks.settled([delivery.id]))[0]?.status).toBe('success');
    expect(await statusOf(webhooks, id)).toBe('healthy');
    const next = await webhooks.emit('tool.start', toolStart(2));
    expect((await webhooks.settled(next.deliveries))[0]?.status).toBe('success');
  });

  it('retry sends during a pause', async () => {
    const { webhooks, waiting } = await withPause();
    await webhooks.retry(waiting);
    expect((await webhooks.settled([waiting]))[0]).toMatchObject({ status: 'success' });
  });

  it('enable sends waiting deliveries of an enabled webhook', async () => {
    const { webhooks, id, waiting } = await withPause();
    await webhooks.enable(id);
    expect((await webhooks.settled([waiting]))[0]).toMatchObject({ status: 'success' });
  });

  it('a new url ends the pause of the old one', async () => {
    const { webhooks, id, waiting } = await withPause();
    const other = await startReceiver();
    await webhooks.update(id, { url: other.url });
    expect((await webhooks.settled([waiting]))[0]).toMatchObject({ status: 'success' });
    expect(other.requests).toHaveLength(1);
  });

  it.each(['test', 'retry', 'enable', 'url'] as const)('%s goes through an open breaker', async (what) => {
    const { receiver, webhooks, id, waiting } = await withOpenBreaker({
      ordered,
      deliveries: ordered ? 1 : 6,
    });
    if (ordered) {
      // One at a time, an hour apart: retries open the breaker.
      for (let i = 0; i < 4; i++) {
        await expect.poll(async () => (await webhooks.getHistory())[0]?.attempts).toBe(i + 1);
        await recorded(webhooks);
        await webhooks.retry(waiting[0] ?? '');
      }
    }
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    await expect.poll(async () => (await webhooks.get(id))?.state.inFlight).toBe(0);
    await recorded(webhooks);
    const next = await startReceiver(what === 'url' ? undefined : receiver.port);
    const asked = {
      test: async () => [(await webhooks.test(id)).id],
      retry: async () => [(await webhooks.retry(waiting.at(-1) ?? '')).id],
      enable: () => webhooks.enable(id).then(() => waiting),
      url: () => webhooks.update(id, { url: next.url }).then(() => waiting),
    };
    const deliveries = await asked[what]();
    // The clock stands still, so that no probe becomes due.
    expect((await webhooks.settled(deliveries)).every(({ status }) => status === 'success')).toBe(true);
    await webhooks.settled(waiting);
    expect(await statusOf(webhooks, id)).toBe('healthy');
    expect(next.requests.length).toBeGreaterThanOrEqual(waiting.length);
  });
});

describe('the next attempt', () => {
  it('is shown as the time of the next probe', async () => {
    const { time, webhooks, id } = await withOpenBreaker({ deliveries: 12 });
    await expect.poll(() => statusOf(webhooks, id)).toBe('open');
    const probeAt = (await webhooks.get(id))?.state.nextProbeAt ?? '';
    expect(Date.parse(probeAt) - time.clock.wall()).toBe(1000);
    for (const delivery of await webhooks.getHistory()) expect(delivery.nextAttemptAt).toBe(probeAt);
    await webhooks.update(id, { enabled: false });
    for (const delivery of await webhooks.getHistory()) expect(delivery.nextAttemptAt).toBeNull();
  });

  it('is not before the end of a pause', async () => {
    const receiver = await startReceiver();
    receiver.answer((_request, response) => response.writeHead(503, { 'retry-after': '7200' }).end());
    const time = stoppedClock();
    const { webhooks } = startWebhooks({ clock: time.clock });
    const id = await webhooks.register({ url: receiver.url });
    await emitTools(webhooks, 1);
    await expect.poll(() => statusOf(webhooks, id)).toBe('paused');
    await emitTools(webhooks, 1);
    const until = (await webhooks.get(id))?.state.pausedUntil ?? '';
    expect(Date.parse(until)).toBeGreaterThan(time.clock.wall() + hour);
    for (const { nextAttemptAt } of await webhooks.getHistory()) expect(nextAttemptAt).toBe(until);
  });
});
