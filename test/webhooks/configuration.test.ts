// The fields of a webhook: limits, headers, secrets, and how they are shown.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startReceiver } from './recording-receiver.ts';
import { startWebhooks, toolStart } from './start-webhooks.ts';

const url = 'http://127.0.0.1:9999/';

async function faults(webhook: Record<string, unknown>): Promise<readonly string[]> {
  const { webhooks } = startWebhooks();
  const error = await webhooks.register({ url, ...webhook } as never).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) return [];
  expect(error).toMatchObject({ code: 'validation_failed' });
  return (error as { errors: { pointer: string; message: string }[] }).errors.map(({ pointer }) => pointer);
}

describe('fields', () => {
  it.each([
    [{ surprise: 1 }, '/surprise'],
    [JSON.parse('{"__proto__": {"x": 1}}'), '/__proto__'],
    [{ constructor: 1 }, '/constructor'],
    [{ id: 'short' }, '/id'],
    [{ id: 'has.dot.in.it' }, '/id'],
    [{ name: '' }, '/name'],
    [{ name: 7 }, '/name'],
    [{ enabled: 'yes' }, '/enabled'],
    [{ retryCount: -1 }, '/retryCount'],
    [{ retryCount: 101 }, '/retryCount'],
    [{ retryCount: 1.5 }, '/retryCount'],
    [{ retryCount: '3' }, '/retryCount'],
    [{ retryDelay: 0 }, '/retryDelay'],
    [{ retryDelay: 1e9 }, '/retryDelay'],
    [{ timeout: 0 }, '/timeout'],
    [{ timeout: 60_001 }, '/timeout'],
    [{ timeout: Number.NaN }, '/timeout'],
    [{ timeout: '15' }, '/timeout'],
    [{ ordered: 1 }, '/ordered'],
    [{ legacySignature: null }, '/legacySignature'],
    [{ description: 'x'.repeat(1001) }, '/description'],
    [{ events: [] }, '/events'],
    [{ events: 'tool.start' }, '/events'],
    [{ events: ['tool.**'] }, '/events/0'],
    [{ events: ['tool.start', 'constructor'] }, '/events/1'],
    [{ events: ['tool.start\n'] }, '/events/0'],
    [{ events: ['tool .start'] }, '/events/0'],
    [{ events: ['nothing.*'] }, '/events/0'],
    [{ events: ['x'.repeat(500)] }, '/events/0'],
    [{ events: [{}] }, '/events/0'],
    [{ url: undefined }, '/url'],
    [{ url: 7 }, '/url'],
  ])('%j is refused at %s', async (webhook, pointer) => {
    expect(await faults(webhook)).toContain(pointer);
  });

  it('all faults are named at once', async () => {
    expect(
      await faults({ url: 'ftp://x', timeout: 0, events: ['no'], headers: { Host: 'x' }, extra: 1 }),
    ).toEqual(['/extra', '/timeout', '/url', '/events/0', '/headers/Host']);
  });

  it('defaults are as documented, and duplicate events are removed', async () => {
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url, events: ['*', 'tool.*', '*'] });
    expect(await webhooks.get(id)).toMatchObject({
      name: '127.0.0.1:9999',
      events: ['*', 'tool.*'],
      enabled: true,
      retryCount: 21,
      retryDelay: 1000,
      timeout: 15_000,
      ordered: false,
      legacySignature: true,
    });
  });

  it('an id is used once', async () => {
    const { webhooks } = startWebhooks();
    await webhooks.register({ id: 'my-webhook', url });
    await expect(webhooks.register({ id: 'my-webhook', url })).rejects.toMatchObject({
      code: 'webhook_exists',
    });
  });

  it('an update is checked as a whole, and cannot change the id', async () => {
    const { webhooks } = startWebhooks();
    const id = await webhooks.register({ url });
    await expect(webhooks.update(id, { timeout: 5 })).rejects.toMatchObject({
      errors: [{ pointer: '/timeout' }],
    });
    await expect(webhooks.update(id, { id: 'another-id' })).rejects.toMatchObject({
      errors: [{ pointer: '/id' }],
    });
    expect(await webhooks.update(id, { name: 'new', timeout: 2000 })).toMatchObject({
      name: 'new',
      timeout: 2000,
      url,
    });
    await expect(webhooks.update('whk_nothing', {})).rejects.toMatchObject({ code: 'webhook_not_found' });
  });
});

describe('headers', () => {
  const reserved = [
    'Host',
    'CONTENT-LENGTH',
    'content-type',
    'Content-Encoding',
    'transfer-encoding',
    'TE',
    'Trailer',
    'Connection',
    'Keep-Alive',
    'Proxy-Authorization',
    'Upgrade',
    'Expect',
    'http2-settings',
    'webhook-id',
    'Webhook-Signature',
    'webhook-anything',
    'X-Webhook-Signature',
    'x-webhook-anything',
    'User-Agent',
    'accept-encoding',
    'X-CodeBuddy-Hop',
  ];
  it.each(reserved)('%s is reserved', async (name) => {
    expect(await faults({ headers: { [name]: 'x' } })).toEqual([`/headers/${name}`]);
  });

  it.each([
    ['X-A\r\nX-B', 'x'],
    ['X A', 'x'],
    ['X-A ', 'x'],
    ['', 'x'],
    [':path', 'x'],
    ['Ｘ-Webhook-Id', 'x'],
    ['X-A', 'a\r\nX-Evil: 1'],
    ['X-A', 'a\nb'],
    ['X-A', 'a\u0000b'],
    ['X-A', 'ä'],
    ['X-A', '😀'],
    ['X-A', ' padded'],
    ['X-A', 'x'.repeat(4097)],
    ['X-A', 7],
    ['x'.repeat(257), 'x'],
    ['constructor', 'x'],
  ])('%j: %j is refused', async (name, value) => {
    expect(await faults({ headers: { [name]: value } })).toHaveLength(1);
  });

  it('are refused if there are a thousand, duplicates, `__proto__`, or more than 16 KiB', async () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`X-${i}`, 'x']));
    expect(await faults({ headers: many })).toEqual(['/headers']);
    expect(await faults({ headers: { 'X-A': '1', 'x-a': '2' } })).toEqual(['/headers/x-a']);
    expect(await faults({ headers: JSON.parse('{"__proto__": "x"}') })).toEqual(['/headers/__proto__']);
    const big = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`X-${i}`, 'x'.repeat(4000)]));
    expect(await faults({ headers: big })).toEqual(['/headers']);
    for (const headers of [[], 'x', null, 7]) expect(await faults({ headers })).toEqual(['/headers']);
  });

  it('with credentials are masked everywhere', async () => {
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const headers = { Authorization: 'Bearer abc', Cookie: 'a=b', 'X-Api-Key': 'k', 'X-Team': 'blue' };
    const id = await webhooks.register({ url: receiver.url, headers, secret: 'a plain secret' });
    expect((await webhooks.get(id))?.headers).toEqual({
      Authorization: '***',
      Cookie: '***',
      'X-Api-Key': '***',
      'X-Team': 'blue',
    });
    expect(JSON.stringify(await webhooks.getAll())).not.toContain('plain secret');
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    expect(JSON.stringify(await webhooks.settled(deliveries))).not.toMatch(/abc|a=b|plain secret/);
    expect(receiver.requests[0]?.headers).toMatchObject({ authorization: 'Bearer abc', cookie: 'a=b' });
  });
});

describe('a webhook as it is shown', () => {
  it('can be sent back: masked values stay as they are', async () => {
    const receiver = await startReceiver();
    const { webhooks, home } = startWebhooks();
    const headers = { Authorization: 'Bearer abc', 'X-Team': 'blue' };
    const id = await webhooks.register({ url: receiver.url, headers, events: ['tool.*'] });
    const shown = await webhooks.get(id);
    await webhooks.update(id, { headers: { ...shown?.headers, 'X-New': 'yes' } });
    // Names are case-insensitive.
    await webhooks.update(id, { headers: { authorization: '***', 'X-Team': 'red' }, timeout: 2000 });
    await webhooks.settled((await webhooks.emit('tool.start', toolStart())).deliveries);
    expect(receiver.requests[0]?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'red' });
    expect(readFileSync(join(home, 'webhooks.json'), 'utf8')).not.toContain('***');
  });

  it('can be sent back as a key without the scope admin sees it', async () => {
    const { webhooks } = startWebhooks();
    const secretUrl = 'https://93.184.216.34/services/T0/B0/xyz';
    const id = await webhooks.register({
      url: secretUrl,
      headers: { 'X-Team': 'blue' },
      description: `posts to ${secretUrl}`,
    });
    const masked = 'https://93.184.216.34/***';
    await webhooks.update(id, {
      url: masked,
      headers: { 'X-Team': '***' },
      description: `posts to ${masked}`,
      timeout: 2000,
    });
    expect(await webhooks.get(id)).toMatchObject({
      url: secretUrl,
      headers: { 'X-Team': 'blue' },
      description: `posts to ${secretUrl}`,
      timeout: 2000,
    });
  });

  it.each([
    [{ headers: { Authorization: '***' } }, '/headers/Authorization'],
    [{ headers: { 'X-Anything': '***' } }, '/headers/X-Anything'],
    [{ url: 'https://example.org/***' }, '/url'],
  ])('%j is refused if there is no value that it could stand for', async (fields, pointer) => {
    const { webhooks } = startWebhooks();
    await expect(webhooks.register({ url, ...fields })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer }],
    });
    const id = await webhooks.register({ url, headers: { Cookie: 'a=b' } });
    await expect(webhooks.update(id, fields)).rejects.toMatchObject({ errors: [{ pointer }] });
  });
});

describe('secrets', () => {
  const of = (bytes: number) => Buffer.alloc(bytes, 3).toString('base64');
  it.each([
    ['', 'bytes'],
    ['whsec_', 'bytes'],
    [`whsec_${of(15)}`, '15'],
    [`whsec_${of(65)}`, '65'],
    [`whsec_${Buffer.alloc(32, 0xfb).toString('base64url')}`, 'base64url'],
    [`whsec_${of(32).replace('=', '')}`, 'padding'],
    ['whsec_!!!!', 'base64'],
    [`whpk_${of(32)}`, 'public key'],
    [`whsk_${of(31)}`, '31'],
    [`whsk_${of(64)}`, 'does not belong'],
    ['short', '8 to 4096'],
    ['x'.repeat(1_000_000), '8 to 4096'],
    ['with\nbreak', 'control'],
    [7, 'string'],
  ])('%.20s is refused and not repeated', async (secret, reason) => {
    const { webhooks } = startWebhooks();
    const error = await webhooks.register({ url, secret } as never).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      errors: [{ pointer: '/secret', message: expect.stringContaining(reason) }],
    });
    if (typeof secret === 'string' && secret.length > 8) expect(String(error)).not.toContain(secret);
  });

  it('without prefix verify with the common libraries in the form that is shown', async () => {
    const { Webhook } = await import('standardwebhooks');
    const { Webhook: Svix } = await import('svix');
    for (const secret of [
      'mysecretpassword',
      'ein Geheimnis ☕ mit Umlauten äöü',
      `whsec_${of(24)}`,
      'QUJDREVGR0g=',
    ]) {
      const receiver = await startReceiver();
      const { webhooks } = startWebhooks();
      const id = await webhooks.register({ url: receiver.url });
      const { signingSecret } = await webhooks.rotateSecret(id, secret);
      const { deliveries } = await webhooks.emit('tool.start', toolStart());
      await webhooks.settled(deliveries);
      const [request] = receiver.requests;
      const headers = request?.headers as Record<string, string>;
      const text = request?.body.toString() ?? '';
      expect(() => new Webhook(signingSecret ?? '').verify(text, headers), secret).not.toThrow();
      expect(() => new Svix(signingSecret ?? '').verify(text, headers), secret).not.toThrow();
    }
  });

  it('of six rotations: the new one and the five before it sign, the oldest does not', async () => {
    const { Webhook } = await import('standardwebhooks');
    const receiver = await startReceiver();
    const { webhooks } = startWebhooks();
    const secrets = [`whsec_${of(32)}`];
    const id = await webhooks.register({ url: receiver.url, secret: secrets[0] as string });
    for (let i = 0; i < 6; i++) secrets.push((await webhooks.rotateSecret(id)).secret ?? '');
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    await webhooks.settled(deliveries);
    const headers = receiver.requests[0]?.headers as Record<string, string>;
    const text = receiver.requests[0]?.body.toString() ?? '';
    expect(headers['webhook-signature']?.split(' ')).toHaveLength(6);
    const verified = secrets.map((secret) => {
      try {
        new Webhook(secret).verify(text, headers);
        return true;
      } catch {
        return false;
      }
    });
    expect(verified).toEqual([false, true, true, true, true, true, true]);
    // New first.
    expect(headers['webhook-signature']?.split(' ')[0]).toBe(
      new Webhook(secrets.at(-1) ?? '').sign(
        headers['webhook-id'] ?? '',
        new Date(Number(headers['webhook-timestamp']) * 1000),
        text,
      ),
    );
  });

  it('that were rotated sign for 24 h', async () => {
    const receiver = await startReceiver();
    let ahead = 0;
    const { webhooks } = startWebhooks({ clock: { wall: () => Date.now() + ahead } });
    const id = await webhooks.register({ url: receiver.url, secret: 'a plain secret' });
    await webhooks.rotateSecret(id);
    ahead = 24 * 3_600_000 + 1000;
    const { deliveries } = await webhooks.emit('tool.start', toolStart());
    await webhooks.settled(deliveries);
    expect(String(receiver.requests[0]?.headers['webhook-signature']).split(' ')).toHaveLength(1);
    expect(receiver.requests[0]?.headers['x-webhook-signature-previous']).toBeUndefined();
  });
});
