// The data about webhooks that a read-only key sees: their existence and their state, but nothing that allows it to
// post to them.

import { describe, expect, test } from 'vitest';
import { CodeBuddyClient } from '../../../src/client/index.ts';
import { startReceiver } from '../../webhooks/recording-receiver.ts';
import { startApp } from '../start-app.ts';

const pathToken = 'T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX';
const queryToken = 'query-token-0123456789';
const headerValue = 'header-value-0123456789';

describe('a key with only the scope read', () => {
  test('sees only the origin of a webhook URL, in any answer or event', async () => {
    const { client, url } = await startApp({ config: { logLevel: 'silent' } });
    const { key } = await client.keys.create({ name: 'reader', scopes: ['read'] });
    const receiver = await startReceiver();
    const origin = new URL(receiver.url).origin;
    const secretUrl = `${origin}/services/${pathToken}?token=${queryToken}`;
    receiver.answer((request, response) => {
      const echo = `you sent ${request.headers['x-plain']} and ${request.headers['x-api-key']}`;
      response.writeHead(308, { location: `${secretUrl}&again=1` }).end(echo);
    });
    const { id } = await client.webhooks.create({
      url: secretUrl,
      name: `to ${secretUrl}`,
      description: `posts to ${secretUrl}.`,
      events: ['webhook.test', 'message.user'],
      retryCount: 0,
      headers: { 'X-Plain': headerValue, 'X-API-Key': `key-${headerValue}` },
    });
    const { id: watcher } = await client.webhooks.create({ url: `${origin}/watch`, events: ['webhook.*'] });
    const tested = await client.webhooks.test(id);
    await expect.poll(async () => (await client.deliveries.get(tested.id)).status).toBe('failed');
    await client.webhooks.update(id, { enabled: false });

    const admin = await client.webhooks.get(id);
    expect(admin.url).toBe(secretUrl);
    expect(admin.headers).toEqual({ 'X-Plain': headerValue, 'X-API-Key': '***' });
    const full = await client.deliveries.get(tested.id);
    expect(full.attemptLog[0]).toMatchObject({
      outcome: 'redirect_refused',
      location: `${secretUrl}&again=1`,
      // Its own credentials are not shown there either.
      responseExcerpt: `you sent ${headerValue} and [redacted]`,
    });
    expect(full.explanation.curl).toContain(secretUrl);

    const get = async (path: string): Promise<string> => {
      const answer = await fetch(url + path, { headers: { 'x-api-key': key } });
      expect(answer.status, path).toBe(200);
      return answer.text();
    };
    const texts = await Promise.all(
      [
        '/api/webhooks',
        `/api/webhooks/${id}`,
        '/api/deliveries',
        `/api/deliveries/${tested.id}`,
        '/api/events?limit=100',
        '/api/metrics',
        '/metrics',
        '/api/status',
        '/health/ready',
      ].map(async (path) => `${path}: ${await get(path)}`),
    );
    for (const text of texts)
      for (const secret of ['XXXXXXXX', 'T00000000', queryToken, headerValue])
        expect(text, `${secret} in ${text.slice(0, 4000)}`).not.toContain(secret);
    expect(texts[1]).toContain(`"url":"${origin}/***"`);
    expect(texts[3]).toContain('redirect_refused');
    expect(texts[4]).toContain('webhook.disabled');

    // Events of a webhook go to other receivers too.
    const told = await receiver.received(2);
    const watched = told.filter(({ path }) => path === '/watch');
    expect(watched.length).toBeGreaterThan(0);
    for (const { body } of watched) expect(body.toString()).not.toContain('XXXXXXXX');
    expect(watcher).toMatch(/^whk_/);
  });

  test('sees stored messages of an older release without their URL', async () => {
    const { maskUrlsIn, maskUrl } = await import('../../../src/base/redaction.ts');
    const message =
      'Answered 301, a redirect to https://hooks.example/services/T0/B0/secret?x=1; redirects are not followed';
    expect(maskUrlsIn(message)).toBe(
      'Answered 301, a redirect to https://hooks.example/***; redirects are not followed',
    );
    for (const [given, masked] of [
      ['https://user:pass@hooks.example:8443/a/b?c=d#e', 'https://***@hooks.example:8443/***'],
      ['https://hooks.example', 'https://hooks.example/'],
      ['https://hooks.example/?token=1', 'https://hooks.example/***'],
      ['no url', '***'],
    ] as const)
      expect(maskUrl(given)).toBe(masked);
  });

  test('gets no stored admin answer with an Idempotency-Key', async () => {
    const { client, url } = await startApp();
    const { key } = await client.keys.create({ name: 'reader', scopes: ['read', 'prompt'] });
    const reader = new CodeBuddyClient({ url, apiKey: key });
    const body = { prompt: 'help', webhook: { url: 'http://127.0.0.1:9/services/SECRETTOKEN' } };
    const send = (apiKey: string): Promise<Response> =>
      fetch(`${url}/api/prompt`, {
        method: 'POST',
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json', 'idempotency-key': 'one' },
        body: JSON.stringify(body),
      });
    const first = await send(key);
    const again = await send(key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    for (const answer of [first, again]) expect(await answer.text()).not.toContain('SECRETTOKEN');
    const { webhooks } = await reader.webhooks.list();
    expect(JSON.stringify(webhooks)).not.toContain('SECRETTOKEN');
    reader.close();
  });
});
