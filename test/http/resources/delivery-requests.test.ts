// The request of an attempt: the API shows what the receiver got.

import { expect, test } from 'vitest';
import { startReceiver } from '../../webhooks/recording-receiver.ts';
import { startApp } from '../start-app.ts';

const ownHeader = { 'X-Own': 'plain', Authorization: 'Bearer 0123456789abcdef' };
/** The server does not choose these. */
const ofTheConnection: ReadonlySet<string> = new Set(['host', 'connection', 'content-length']);

test('the request of each attempt is what the receiver got, with the body byte for byte', async () => {
  const { client } = await startApp({ config: { logLevel: 'silent' } });
  const receiver = await startReceiver();
  const answers = [500, 200];
  receiver.answer((_request, response) => {
    response.writeHead(answers.shift() ?? 200, { 'x-any': '1', 'retry-after': '1' }).end('the answer');
  });
  const { id } = await client.webhooks.create({
    url: receiver.url,
    events: ['webhook.test'],
    retryDelay: 100,
    headers: ownHeader,
  });
  const { id: deliveryId } = await client.webhooks.test(id);
  const received = await receiver.received(2);
  await expect.poll(async () => (await client.deliveries.get(deliveryId)).status).toBe('success');
  for (const [index, got] of received.entries()) {
    const sent = await client.deliveries.request(deliveryId, { attempt: index + 1 });
    const { body, headers, ...rest } = sent;
    expect(rest).toEqual({
      attempt: index + 1,
      method: 'POST',
      url: receiver.url,
      signedWith: 'current_secret',
    });
    expect(body).toBe(got.body.toString());
    const expected = Object.entries(got.headers).filter(([name]) => !ofTheConnection.has(name));
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    expect(lower).toEqual({ ...Object.fromEntries(expected), authorization: '***' });
  }
  expect((await client.deliveries.request(deliveryId)).attempt).toBe(2);
  const { attemptLog } = await client.deliveries.get(deliveryId);
  expect(attemptLog.map(({ signature }) => signature)).toEqual(
    received.map(({ headers }) => headers['webhook-signature']),
  );
  // After a failure, the headers that the server acts on are kept.
  expect(attemptLog[0]?.responseHeaders).toEqual({ date: expect.any(String), 'retry-after': '1' });
  expect(attemptLog[1]?.responseHeaders).toEqual({});

  await expect(client.deliveries.request(deliveryId, { attempt: 9 })).rejects.toMatchObject({
    code: 'validation_failed',
    errors: [{ in: 'query', pointer: '/attempt' }],
  });
});

test('a signature with another secret is distinguished from one with the current secret', async () => {
  const { client } = await startApp({ config: { logLevel: 'silent' } });
  const receiver = await startReceiver();
  const { id } = await client.webhooks.create({ url: receiver.url, events: ['webhook.test'] });
  const { id: deliveryId } = await client.webhooks.test(id);
  const [got] = await receiver.received(1);
  await expect.poll(async () => (await client.deliveries.get(deliveryId)).status).toBe('success');
  await client.webhooks.update(id, { secret: 'quite-another-secret' });
  const { headers, signedWith } = await client.deliveries.request(deliveryId);
  expect(signedWith).toBe('another_secret');
  expect(headers['webhook-signature']).toBe(got?.headers['webhook-signature']);
  // It cannot be computed again.
  expect(headers).not.toHaveProperty('X-Webhook-Signature');

  await client.webhooks.update(id, { secret: null });
  const unsigned = await client.webhooks.test(id);
  await receiver.received(2);
  await expect.poll(async () => (await client.deliveries.get(unsigned.id)).status).toBe('success');
  expect(await client.deliveries.request(unsigned.id)).toMatchObject({ signedWith: 'nothing' });

  await client.webhooks.remove(id);
  expect(await client.deliveries.request(deliveryId)).toMatchObject({
    url: null,
    headers: {},
    signedWith: 'unknown',
    body: got?.body.toString(),
  });
});
