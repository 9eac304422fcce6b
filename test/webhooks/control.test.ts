// Commands on webhooks and deliveries: disable, enable, replay, retry, remove, test and clear.

import { describe, expect, it } from 'vitest';
import { stoppedClock } from './movable-clock.ts';
import { startReceiver } from './recording-receiver.ts';
import { ascending, sequencesOf } from './sequences.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

async function emitMany(webhooks: ReturnType<typeof startWebhooks>['webhooks'], count: number) {
  return Promise.all(Array.from({ length: count }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
}

describe('a disabled webhook', () => {
  it('counts missed events and delivers them in order before newer ones', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url, events: ['tool.*'], ordered: true });
    await webhooks.update(id, { enabled: false });
    await emitMany(webhooks, 300);
    expect((await webhooks.get(id))?.state).toMatchObject({ status: 'disabled', missed: 300 });
    expect(receiver.requests).toHaveLength(0);
    const [{ queued }] = await Promise.all([
      webhooks.enable(id, { replayMissed: true }),
      emitMany(webhooks, 50),
    ]);
    expect(queued).toBeGreaterThanOrEqual(300);
    await receiver.received(350);
    await expect.poll(async () => (await webhooks.stats()).pending).toBe(0);
    const sequences = sequencesOf(receiver.requests);
    expect(sequences).toEqual(ascending(sequences));
    expect(new Set(sequences).size).toBe(350);
  });

  it('gets only new events if it is enabled without replayMissed', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url, events: ['tool.*'] });
    await webhooks.update(id, { enabled: false });
    await emitMany(webhooks, 5);
    await webhooks.enable(id);
    await webhooks.settled((await webhooks.emit('tool.start', toolStart(9))).deliveries);
    expect(receiver.requests).toHaveLength(1);
  });

  it('keeps pending deliveries and the count of missed events over a restart', async () => {
    const receiver = await startReceiver();
    const { webhooks, home } = startWebhooks();
    receiver.answer((_request, response) => response.writeHead(500).end());
    const id = await webhooks.register({ url: receiver.url, events: ['tool.*'], retryDelay: 60_000 });
    await emitMany(webhooks, 3);
    await receiver.received(3);
    await webhooks.update(id, { enabled: false });
    await emitMany(webhooks, 4);
    await webhooks.close();
    const next = startWebhooks({ home });
    expect((await next.webhooks.get(id))?.state).toMatchObject({ status: 'disabled', pending: 3, missed: 4 });
    receiver.answer((_request, response) => response.end());
    await next.webhooks.enable(id, { replayMissed: true });
    await receiver.received(10);
    await expect.poll(async () => (await next.webhooks.stats()).pending).toBe(0);
    expect(new Set(sequencesOf(receiver.requests)).size).toBe(7);
  });

  it('cannot be tested', async () => {
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: 'http://127.0.0.1:9999/', enabled: false });
    await expect(webhooks.test(id)).rejects.toMatchObject({ code: 'webhook_disabled' });
  });

  it('causes webhook.disabled for others, not for itself', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: `${receiver.url}/it` });
    await webhooks.register({ url: `${receiver.url}/other` });
    await webhooks.update(id, { enabled: false });
    await receiver.received(1);
    await webhooks.enable(id, { replayMissed: true });
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(
      receiver.requests.map(({ path, headers }) => `${path} ${headers['x-webhook-event']}`).sort(),
    ).toEqual(['/hook/it tool.start', '/hook/other tool.start', '/hook/other webhook.disabled']);
  });
});

describe('replay', () => {
  it('queues past events with their ids, by sequence, time and type', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const emitted = await emitMany(webhooks, 20);
    await webhooks.emit('session.start', { title: 'x' });
    const id = await webhooks.register({ url: receiver.url, events: ['tool.*', 'session.*'] });
    expect(await webhooks.replay(id, { after: 5, before: 11 })).toEqual({ queued: 5, skipped: 0 });
    await receiver.received(5);
    expect(ascending(sequencesOf(receiver.requests))).toEqual([6, 7, 8, 9, 10]);
    expect(receiver.requests.map(({ headers }) => headers['webhook-id']).sort()).toEqual(
      emitted
        .slice(5, 10)
        .map(({ event }) => event.id)
        .sort(),
    );
    expect(await webhooks.replay(id, { after: 0, events: ['session.*'] })).toEqual({ queued: 1, skipped: 0 });
    const time = emitted[0]?.event.timestamp ?? '';
    await expect.poll(async () => (await webhooks.stats()).pending).toBe(0);
    expect((await webhooks.replay(id, { after: time })).queued).toBe(21);
    expect((await webhooks.replay(id, { after: new Date(Date.now() + 60_000).toISOString() })).queued).toBe(
      0,
    );
    expect((await webhooks.replay(id, { after: 1_000_000 })).queued).toBe(0);
  });

  it('skips events that are queued already; a second one at the same time is refused', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await emitMany(webhooks, 500);
    const held = receiver.hold();
    const id = await webhooks.register({ url: receiver.url });
    const first = webhooks.replay(id, { after: 0 });
    await expect(webhooks.replay(id, { after: 0 })).rejects.toMatchObject({ code: 'replay_running' });
    expect(await first).toEqual({ queued: 500, skipped: 0 });
    const { queued, skipped } = await webhooks.replay(id, { after: 0 });
    expect(queued + skipped).toBe(500);
    // None was answered yet.
    expect(skipped).toBe(500);
    receiver.answer((_request, response) => response.end());
    for (const response of held) response.end();
  });

  it.each([
    [{ after: -1 }, '/after'],
    [{ after: 1.5 }, '/after'],
    [{ after: 'yesterday' }, '/after'],
    [{ after: '2026-01-01' }, '/after'],
    [{ after: 5, before: 3 }, '/before'],
    [{ after: '2026-02-01T00:00:00Z', before: '2026-01-01T00:00:00Z' }, '/before'],
    [{ after: 0, before: 'x' }, '/before'],
  ])('of the range %j is refused at %s', async (range, pointer) => {
    const { webhooks } = startWebhooks();
    await emitMany(webhooks, 10);
    const id = await webhooks.register({ url: 'http://127.0.0.1:9999/' });
    await expect(webhooks.replay(id, range)).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer }],
    });
  });

  it('of an ordered webhook keeps the order with new events', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await emitMany(webhooks, 100);
    const id = await webhooks.register({ url: receiver.url, ordered: true });
    receiver.answer((_request, response) => setTimeout(() => response.end(), 1));
    await webhooks.replay(id, { after: 0 });
    const emitted = await emitMany(webhooks, 50);
    await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    const sequences = sequencesOf(receiver.requests);
    expect(receiver.mostAtOnce()).toBe(1);
    expect(sequences).toEqual(ascending(sequences));
  });
});

describe('retry', () => {
  it('works for failed, successful and waiting deliveries; refuses open and unknown ones', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    receiver.answer((_request, response) => response.writeHead(500).end());
    await webhooks.register({ url: receiver.url, retryCount: 0, events: ['tool.start'] });
    const failed = await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(await webhooks.getFailedDeliveries()).toMatchObject([{ id: failed[0]?.id, status: 'failed' }]);
    receiver.answer((_request, response) => response.end());
    // Two at the same time, as after a double click: the second is refused.
    const both = await Promise.allSettled([
      webhooks.retry(failed[0]?.id ?? ''),
      webhooks.retry(failed[0]?.id ?? ''),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [retried] = await webhooks.settled([failed[0]?.id ?? '']);
    expect(retried).toMatchObject({ status: 'success', attempts: 1 });
    expect(retried?.attemptLog).toHaveLength(2);
    await webhooks.retry(retried?.id ?? '');
    expect((await webhooks.settled([retried?.id ?? '']))[0]?.attemptLog).toHaveLength(3);

    receiver.answer((_request, response) => response.writeHead(500).end());
    await webhooks.register({
      url: `${receiver.url}/later`,
      retryDelay: 3_600_000,
      events: ['session.start'],
    });
    const [waiting = ''] = (await webhooks.emit('session.start', { title: 'x' })).deliveries;
    await expect.poll(async () => (await webhooks.getHistory())[0]?.attempts).toBe(1);
    receiver.answer((_request, response) => response.end());
    await webhooks.retry(waiting);
    expect((await webhooks.settled([waiting]))[0]).toMatchObject({ status: 'success', attempts: 2 });

    const held = receiver.hold();
    const [underWay = ''] = (await webhooks.emit('session.start', { title: 'x' })).deliveries;
    await expect(webhooks.retry(underWay)).rejects.toMatchObject({ code: 'delivery_pending' });
    await expect(webhooks.retry('dlv_nothing')).rejects.toMatchObject({ code: 'delivery_not_found' });
    await receiver.received(6);
    held[0]?.end();
  });

  it('of many: all failed deliveries, those of a webhook, those of an event', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    receiver.answer((_request, response) => response.writeHead(500).end());
    const ids = [];
    for (const path of ['a', 'b'])
      ids.push(await webhooks.register({ url: `${receiver.url}/${path}`, retryCount: 0 }));
    const emitted = [...(await emitMany(webhooks, 4)), await webhooks.emit('session.start', { title: 'x' })];
    // The breaker of each opens at its fifth failure.
    const all = emitted.flatMap(({ deliveries }) => deliveries);
    await webhooks.settled(all);
    expect(await webhooks.getFailedDeliveries()).toHaveLength(10);
    // A count queues nothing.
    expect(await webhooks.countFailed({ webhookId: ids[0] ?? '', event: 'session.start' })).toEqual({
      matching: 1,
    });
    expect(await webhooks.countFailed()).toEqual({ matching: 10 });
    expect(await webhooks.getFailedDeliveries()).toHaveLength(10);
    receiver.answer((_request, response) => response.end());
    expect(await webhooks.retryFailed({ webhookId: ids[0] ?? '', event: 'session.start' })).toEqual({
      queued: 1,
    });
    expect(await webhooks.retryFailed()).toEqual({ queued: 9 });
    for (const id of ids) {
      await webhooks.update(id, { enabled: false });
      await webhooks.enable(id);
    }
    await webhooks.settled(all);
    expect(await webhooks.getFailedDeliveries()).toEqual([]);
  });
});

describe('removal', () => {
  it('cancels thousands of pending deliveries with the reason', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    receiver.hold();
    const id = await webhooks.register({ url: receiver.url });
    const emitted = await emitMany(webhooks, 2000);
    const last = emitted.at(-1)?.deliveries ?? [];
    const settled = webhooks.settled(last);
    await webhooks.remove(id);
    expect(await settled).toMatchObject([{ status: 'cancelled', reason: 'webhook_removed' }]);
    expect((await webhooks.stats()).pending).toBe(0);
    expect(await webhooks.getHistory({ status: 'cancelled', limit: 4000 })).toHaveLength(2000);
    expect(await webhooks.get(id)).toBeUndefined();
    await expect(webhooks.retry(last[0] ?? '')).rejects.toMatchObject({ code: 'webhook_not_found' });
    await receiver.close();
  });
});

describe('test', () => {
  it('sends webhook.test to that webhook alone, even if it has other events', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: `${receiver.url}/it`, events: ['session.end'] });
    await webhooks.register({ url: `${receiver.url}/other` });
    const delivery = await webhooks.test(id);
    await webhooks.settled([delivery.id]);
    expect(receiver.requests.map(({ path, headers }) => [path, headers['x-webhook-event']])).toEqual([
      ['/hook/it', 'webhook.test'],
    ]);
  });

  it('is limited to 10 a minute', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks({ clock: stoppedClock().clock });
    const id = await webhooks.register({ url: receiver.url });
    for (let i = 0; i < 10; i++) await webhooks.test(id);
    await expect(webhooks.test(id)).rejects.toMatchObject({
      code: 'too_many_tests',
      headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
    });
  });
});

describe('history', () => {
  it('has pages, filters and a stable order; clearing it keeps pending deliveries', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url });
    const emitted = await emitMany(webhooks, 30);
    await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    const first = await webhooks.getHistory({ limit: 10 });
    await emitMany(webhooks, 5);
    const second = await webhooks.getHistory({ limit: 10, after: first.at(-1)?.id ?? '' });
    const ids = [...first, ...second].map((delivery) => delivery.id);
    expect(new Set(ids).size).toBe(20);
    expect(ids).toEqual([...ids].sort().reverse());
    expect(await webhooks.getHistory({ event: 'session.start' })).toEqual([]);
    expect(await webhooks.getHistory({ webhookId: id, eventId: emitted[3]?.event.id ?? '' })).toHaveLength(1);
    expect(await webhooks.getHistory({ since: new Date(Date.now() + 1000).toISOString() })).toEqual([]);
    await expect(webhooks.getHistory({ since: 'now' })).rejects.toMatchObject({
      errors: [{ pointer: '/since' }],
    });
    await expect.poll(async () => (await webhooks.stats()).pending).toBe(0);
    const held = receiver.hold();
    await webhooks.emit('tool.start', toolStart());
    expect(await webhooks.clearHistory()).toEqual({ deleted: 35 });
    expect(await webhooks.getHistory()).toMatchObject([{ status: 'pending' }]);
    await receiver.received(36);
    held[0]?.end();
  });

  it('keeps about keepDeliveries ended deliveries', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks({ keepDeliveries: 1000 });
    await webhooks.register({ url: receiver.url });
    const emitted = await emitMany(webhooks, 2500);
    await webhooks.settled(emitted.slice(-1).flatMap(({ deliveries }) => deliveries));
    await expect
      .poll(async () => (await webhooks.getHistory({ limit: 4000 })).length)
      .toBeLessThanOrEqual(1500);
    expect((await webhooks.getHistory({ limit: 1 }))[0]?.id).toBe(emitted.at(-1)?.deliveries[0]);
  });
});
