// Deliveries from emit to the receiver: headers, payload, order and limits.

import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { WebhookManager } from '../../src/api/webhooks.ts';
import { waitFor } from '../wait-for.ts';
import { startReceiver } from './recording-receiver.ts';
import { ascending, sequencesOf } from './sequences.ts';
import { secret, startWebhooks, toolStart } from './start-webhooks.ts';

describe('a delivery', () => {
  it('has the documented headers in order, then those of the webhook', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const headers = { 'X-Team': 'blue', Authorization: 'Bearer abc' };
    await webhooks.register({ url: receiver.url, secret, headers });
    await webhooks.emit('tool.start', toolStart(), 'ses_1');
    const [request] = await receiver.received(1);
    const names = request?.rawHeaders.filter((_, index) => index % 2 === 0);
    expect(names).toEqual([
      'host',
      'connection',
      'content-type',
      'user-agent',
      'accept-encoding',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
      'X-Webhook-Signature',
      'X-Webhook-Event',
      'X-Webhook-Attempt',
      'X-CodeBuddy-Hop',
      'X-Team',
      'Authorization',
      'content-length',
    ]);
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'x-webhook-event': 'tool.start',
      'x-webhook-attempt': '1',
      'x-codebuddy-hop': '1',
      authorization: 'Bearer abc',
    });
    expect(request?.headers['user-agent']).toMatch(/^CodeBuddy-Webhook\/\d+\.\d+\.\d+/);
  });

  it('has the documented payload, with the id and sequence of the log', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: receiver.url });
    const { event } = await webhooks.emit('tool.start', toolStart(), 'ses_1');
    const [request] = await receiver.received(1);
    expect(request?.body.toString()[0]).toBe('{');
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
      id: event.id,
      type: 'tool.start',
      event: 'tool.start',
      timestamp: event.timestamp,
      sessionId: 'ses_1',
      sequence: event.sequence,
      data: toolStart(),
    });
    expect(request?.headers['webhook-id']).toBe(event.id);
    expect(request?.headers['webhook-id']).toMatch(/^[A-Za-z0-9_-]{8,64}$/);
  });

  it('is verified by standardwebhooks, svix and WebhookManager', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: receiver.url, secret });
    await webhooks.emit('tool.start', toolStart());
    const [request] = await receiver.received(1);
    if (request === undefined) throw new Error('no request');
    const headers = request.headers as Record<string, string>;
    const text = request.body.toString();
    expect(new StandardWebhook(secret).verify(text, headers)).toMatchObject({ type: 'tool.start' });
    expect(() => new SvixWebhook(secret).verify(text, headers)).not.toThrow();
    expect(() => new SvixWebhook(secret).verify(`${text} `, headers)).toThrow();
    expect(WebhookManager.verifyWebhook(request.body, headers, secret)).toBe(true);
    expect(WebhookManager.verifySignature(request.body, headers['x-webhook-signature'], secret)).toBe(true);
    expect(() => new StandardWebhook(secret).verify(`${text} `, headers)).toThrow();
  });

  it('without a secret has no signature headers', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: receiver.url });
    await webhooks.emit('tool.start', toolStart());
    const [request] = await receiver.received(1);
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.includes('signature'))).toEqual([]);
  });

  it('has no version 1 signature if legacySignature is false', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: receiver.url, secret, legacySignature: false });
    await webhooks.emit('tool.start', toolStart());
    const [request] = await receiver.received(1);
    expect(request?.headers['x-webhook-signature']).toBeUndefined();
    expect(request?.headers['webhook-signature']).toMatch(/^v1,/);
  });

  it('is signed with ed25519 if the secret is a whsk_ key, and the public key is shown', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({
      url: receiver.url,
      secret: `whsk_${Buffer.alloc(32, 9).toString('base64')}`,
    });
    const publicKey = (await webhooks.get(id))?.publicKey ?? '';
    expect(publicKey).toMatch(/^whpk_/);
    await webhooks.emit('tool.start', toolStart());
    const [request] = await receiver.received(1);
    expect(request?.headers['webhook-signature']).toMatch(/^v1a,/);
    expect(request?.headers['x-webhook-signature']).toBeUndefined();
    expect(WebhookManager.verifyWebhook(request?.body ?? '', request?.headers ?? {}, publicKey)).toBe(true);
  });

  it('goes to each webhook that subscribed to the event, and to no other', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const at = (path: string) => `http://127.0.0.1:${receiver.port}${path}`;
    await webhooks.register({ url: at('/all') });
    await webhooks.register({ url: at('/tools'), events: ['tool.*'] });
    await webhooks.register({ url: at('/sessions'), events: ['session.start', 'session.end'] });
    await webhooks.register({ url: at('/off'), enabled: false });
    expect((await webhooks.getForEvent('tool.start')).map(({ url }) => new URL(url).pathname)).toEqual([
      '/all',
      '/tools',
    ]);
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    await webhooks.settled(deliveries);
    expect(receiver.requests.map(({ path }) => path).sort()).toEqual(['/all', '/tools']);
  });

  it('above 256 KiB has a link instead of the data', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    await webhooks.register({ url: receiver.url });
    const { event, deliveries } = await webhooks.emit('message.user', {
      messageId: 'msg_1',
      text: 'ä'.repeat(140_000),
    });
    await webhooks.settled(deliveries);
    const [request] = receiver.requests;
    expect(request?.body.length).toBeLessThan(1000);
    expect(JSON.parse(request?.body.toString() ?? '').data).toEqual({
      truncated: true,
      href: `/api/events/${event.id}`,
    });
  });

  it('has the same bytes and id in every attempt, retry and replay', async () => {
    const receiver = await startReceiver();
    const { webhooks, home } = startWebhooks();
    let tries = 0;
    receiver.answer((_request, response) => response.writeHead(++tries < 3 ? 500 : 200).end());
    const id = await webhooks.register({ url: receiver.url, secret, retryDelay: 100 });
    const { deliveries, event } = await webhooks.emit('message.user', {
      messageId: 'msg_1',
      text: 'Grüße \u2028 \ud83d',
    });
    const [delivery] = await webhooks.settled(deliveries);
    expect(delivery).toMatchObject({ status: 'success', attempts: 3 });
    expect(delivery?.attemptLog.map(({ outcome, statusCode }) => [outcome, statusCode])).toEqual([
      ['http_error', 500],
      ['http_error', 500],
      ['success', 200],
    ]);
    await webhooks.retry(delivery?.id ?? '');
    await receiver.received(4);
    // Another process reads the payload from the store.
    await webhooks.close();
    const second = startWebhooks({ home });
    await second.webhooks.replay(id, { after: 0 });
    const requests = await receiver.received(5);
    expect(new Set(requests.map(({ body }) => body.toString('hex'))).size).toBe(1);
    expect(new Set(requests.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([event.id]));
    expect(requests.map(({ headers }) => headers['x-webhook-attempt'])).toEqual(['1', '2', '3', '4', '1']);
    for (const { body, headers } of requests) {
      expect(WebhookManager.verifyWebhook(body, headers, secret)).toBe(true);
    }
  });

  it('is committed with its event, and delivered by the next process if need be', async () => {
    const receiver = await startReceiver();
    const { webhooks, home } = startWebhooks();
    const id = await webhooks.register({ url: receiver.url });
    receiver.answer(() => undefined);
    const emitted = await Promise.all(
      Array.from({ length: 300 }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
    );
    expect(emitted.flatMap(({ deliveries }) => deliveries)).toHaveLength(300);
    const history = await webhooks.getHistory({ status: 'pending', limit: 400 });
    expect(history).toHaveLength(300);
    expect(history.every(({ webhookId, nextAttemptAt }) => webhookId === id && nextAttemptAt !== null)).toBe(
      true,
    );
    await receiver.close();
    await webhooks.close();
    const again = await startReceiver(receiver.port);
    const next = startWebhooks({ home });
    await next.webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    expect(new Set(again.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(300);
  });
});

describe('limits', () => {
  it('allow at most 8 open requests of a webhook, and 128 in all', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    /** Emit to all webhooks, keep the requests open until `most` are, then answer them all. */
    const emitAndHold = async (events: number, most: number) => {
      const held = receiver.hold();
      const emitted = await Promise.all(
        Array.from({ length: events }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
      );
      await waitFor(
        `${most} open requests`,
        () => held.length === most,
        () => held.length,
      );
      expect((await webhooks.stats()).inFlight).toBe(most);
      receiver.answer((_request, response) => response.end());
      for (const response of held) response.end();
      await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
      expect(receiver.mostAtOnce()).toBe(most);
    };
    await webhooks.register({ url: receiver.url, timeout: 60_000 });
    await emitAndHold(60, 8);
    for (let i = 0; i < 20; i++) await webhooks.register({ url: `${receiver.url}/${i}`, timeout: 60_000 });
    await emitAndHold(30, 128);
  });

  it('do not let a webhook with a long queue delay another', async () => {
    const busy = await startReceiver();
    const other = await startReceiver();
    const { webhooks } = startWebhooks();
    const held = busy.hold();
    await webhooks.register({ url: busy.url, events: ['tool.start'], timeout: 60_000 });
    await webhooks.register({ url: other.url, events: ['session.start'] });
    await Promise.all(Array.from({ length: 500 }, (_, i) => webhooks.emit('tool.start', toolStart(i))));
    await busy.received(8);
    const { deliveries } = await webhooks.emit('session.start', { title: 'now' });
    await webhooks.settled(deliveries);
    expect(busy.requests).toHaveLength(8);
    busy.answer((_request, response) => response.end());
    for (const response of held) response.end();
  });

  it('send the events of an ordered webhook one at a time by sequence, failures included', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    let failures = 0;
    receiver.answer((request, response) => {
      const { sequence } = JSON.parse(request.body.toString()) as { sequence: number };
      const fail = sequence % 7 === 0 && failures < 4 && ++failures > 0;
      setTimeout(() => response.writeHead(fail ? 500 : 200).end(), 2);
    });
    await webhooks.register({ url: receiver.url, ordered: true, retryDelay: 100 });
    const emitted = await Promise.all(
      Array.from({ length: 100 }, (_, i) => webhooks.emit('tool.start', toolStart(i))),
    );
    await webhooks.settled(emitted.flatMap(({ deliveries }) => deliveries));
    const sequences = sequencesOf(receiver.requests);
    expect(receiver.mostAtOnce()).toBe(1);
    expect(sequences).toEqual(ascending(sequences));
    expect(new Set(sequences).size).toBe(100);
    expect(sequences.length).toBe(104);
  });
});

describe('emit', () => {
  it('refuses invalid data, names the field and writes nothing', async () => {
    const { webhooks } = startWebhooks();
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    for (const params of [cyclic, { x: 1n }, { x: Number.NaN }, { x: () => 1 }]) {
      await expect(webhooks.emit('tool.start', { ...toolStart(), params })).rejects.toMatchObject({
        code: 'validation_failed',
        errors: [{ pointer: expect.stringMatching(/^\/data\/params/) }],
      });
    }
    await expect(webhooks.emit('tool.nothing' as 'tool.start', toolStart())).rejects.toThrow(
      'not in the catalogue',
    );
    expect((await webhooks.stats()).emitted).toBe(0);
  });

  it('rejects after close, and close waits for open requests', async () => {
    const receiver = await startReceiver();
    const { webhooks, home } = startWebhooks();
    const held = receiver.hold();
    await webhooks.register({ url: receiver.url });
    await webhooks.emit('tool.start', toolStart());
    await receiver.received(1);
    const closing = webhooks.close();
    await expect(webhooks.emit('tool.start', toolStart())).rejects.toThrow('closed');
    held[0]?.end();
    await closing;
    const next = startWebhooks({ home });
    expect(await next.webhooks.getHistory()).toMatchObject([{ status: 'success', attempts: 1 }]);
  });
});
