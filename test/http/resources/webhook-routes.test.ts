// The REST routes of webhooks over an engine that records its calls: paths, scopes, status codes, and the fields hidden
// from each scope.

import { expect, test } from 'vitest';
import { CodeBuddyError } from '../../../src/base/errors.ts';
import type { WebhookService } from '../../../src/http/webhook-service.ts';
import { startServerWithStore } from '../start-server-with-store.ts';
import { aDelivery, aWebhook, standIn } from './webhook-stand-in.ts';

async function startWith(answers: Partial<WebhookService> = {}) {
  const { service, calls } = standIn(answers);
  const server = await startServerWithStore({ services: { webhooks: service } });
  async function keyWith(...scopes: string[]): Promise<Record<string, string>> {
    const { key } = await (await server.send('POST', '/api/keys', { name: 'k', scopes })).json();
    return { authorization: `Bearer ${key}` };
  }
  return { ...server, calls, keyWith };
}

test.each([
  ['GET', '/api/webhooks/whk_1', undefined, 200, ['get', 'whk_1']],
  ['PATCH', '/api/webhooks/whk_1', { secret: null }, 200, ['update', 'whk_1', { secret: null }]],
  ['DELETE', '/api/webhooks/whk_1', undefined, 204, ['remove', 'whk_1']],
  ['POST', '/api/webhooks/whk_1/test', undefined, 202, ['test', 'whk_1']],
  ['POST', '/api/webhooks/whk_1/rotate-secret', undefined, 200, ['rotateSecret', 'whk_1', undefined]],
  ['POST', '/api/webhooks/whk_1/rotate-secret', { secret: 'x' }, 200, ['rotateSecret', 'whk_1', 'x']],
  ['POST', '/api/webhooks/whk_1/replay', { after: 0 }, 202, ['replay', 'whk_1', { after: 0 }]],
  [
    'POST',
    '/api/webhooks/whk_1/replay',
    { after: '2026-11-23T10:00:00Z', before: 9, events: ['run.*'] },
    202,
    ['replay', 'whk_1', { after: '2026-11-23T10:00:00Z', before: 9, events: ['run.*'] }],
  ],
  ['POST', '/api/webhooks/whk_1/enable', undefined, 200, ['enable', 'whk_1', {}]],
  [
    'POST',
    '/api/webhooks/whk_1/enable',
    { replayMissed: true },
    200,
    ['enable', 'whk_1', { replayMissed: true }],
  ],
  [
    'GET',
    '/api/deliveries?webhookId=whk_1&status=failed&event=tool.error&eventId=evt_1&since=2026-11-23T10:00:00Z&limit=5',
    undefined,
    200,
    [
      'listDeliveries',
      {
        limit: 5,
        webhookId: 'whk_1',
        status: 'failed',
        event: 'tool.error',
        eventId: 'evt_1',
        since: '2026-11-23T10:00:00Z',
      },
    ],
  ],
  ['GET', '/api/webhook-figures', undefined, 200, ['day']],
  ['DELETE', '/api/deliveries', undefined, 204, ['clearHistory', {}]],
  ['DELETE', '/api/deliveries?webhookId=whk_1', undefined, 204, ['clearHistory', { webhookId: 'whk_1' }]],
  ['GET', '/api/deliveries/dlv_1', undefined, 200, ['getDelivery', 'dlv_1']],
  ['POST', '/api/deliveries/dlv_1/retry', undefined, 202, ['retry', 'dlv_1']],
  ['POST', '/api/deliveries/retry', undefined, 202, ['retryFailed', {}]],
  ['POST', '/api/deliveries/retry', { webhookId: 'whk_1' }, 202, ['retryFailed', { webhookId: 'whk_1' }]],
  ['POST', '/api/deliveries/retry', { dryRun: false }, 202, ['retryFailed', {}]],
  [
    'POST',
    '/api/deliveries/retry',
    { dryRun: true, event: 'tool.error' },
    200,
    ['countFailed', { event: 'tool.error' }],
  ],
  ['GET', '/api/deliveries/dlv_1/request', undefined, 200, ['getRequest', 'dlv_1', undefined]],
  ['GET', '/api/deliveries/dlv_1/request?attempt=1', undefined, 200, ['getRequest', 'dlv_1', 1]],
])('%s %s with %o answers %i', async (method, path, body, status, call) => {
  const { send, calls, keyWith, url } = await startWith();
  const answer = await send(method, path, body);
  expect(answer.status, await answer.clone().text()).toBe(status);
  expect(calls).toEqual([call]);
  const headers = {
    ...(await keyWith(method === 'GET' ? 'prompt' : 'read')),
    'content-type': 'application/json',
  };
  const refused = await fetch(url + path, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(refused.status).toBe(403);
  expect(calls).toHaveLength(1);
});

test('creating a webhook answers 201 with Location and its secret, which no Idempotency-Key stores', async () => {
  const { send, get, calls } = await startWith();
  const body = {
    url: 'https://example.org/hook',
    events: ['nonsense'],
    headers: { Host: 'x' },
    retryCount: -5,
  };
  const answer = await send('POST', '/api/webhooks', body, { 'idempotency-key': 'same' });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('location')).toBe('/api/webhooks/whk_1');
  const secret = 'whsec_shown_once';
  expect(await answer.json()).toEqual({ ...aWebhook, secret, signingSecret: secret });
  // The engine checks the values of fields.
  expect(calls).toEqual([['create', body]]);
  await send('POST', '/api/webhooks', body, { 'idempotency-key': 'same' });
  expect(calls).toHaveLength(2);
  expect(await (await get('/api/webhooks/whk_1')).json()).toEqual(aWebhook);
});

test('webhooks are listed in pages, oldest first', async () => {
  const { get } = await startWith();
  const first = await (await get('/api/webhooks?limit=2')).json();
  const second = await (await get(`/api/webhooks?limit=2&cursor=${first.nextCursor}`)).json();
  expect([...first.webhooks, ...second.webhooks].map(({ id }) => id)).toEqual(['whk_1', 'whk_2', 'whk_3']);
  expect(second.nextCursor).toBeNull();
});

test('a cursor of deliveries works for this list only', async () => {
  const { get, calls } = await startWith();
  const { nextCursor } = await (await get('/api/deliveries')).json();
  expect(await (await get(`/api/deliveries?cursor=${nextCursor}`)).json()).toEqual({
    deliveries: [],
    nextCursor: null,
  });
  expect(calls.at(-1)).toEqual(['listDeliveries', { limit: 50, after: 'dlv_1' }]);
  expect((await get(`/api/webhooks?cursor=${nextCursor}`)).status).toBe(422);
});

test('only admins see the signature, the URL and the custom headers of a request', async () => {
  const { get, keyWith, url } = await startWith();
  const path = '/api/deliveries/dlv_1/request';
  const open = await (await get(path)).text();
  for (const secret of ['v1,signature', 'own-value', 'with-a-token']) expect(open).toContain(secret);
  const shut = await (await fetch(url + path, { headers: await keyWith('read') })).json();
  expect(shut).toMatchObject({
    url: 'https://example.org/***',
    headers: { 'content-type': 'application/json', 'webhook-signature': '***', 'X-Own': '***' },
    body: '{"id":"evt_1"}',
  });
  expect((await get('/api/deliveries/dlv_other/request')).status).toBe(404);
});

test('only admins see answers of receivers and a fresh signature', async () => {
  const { get, keyWith, url } = await startWith();
  const headers = await keyWith('read');
  for (const path of ['/api/deliveries', '/api/deliveries/dlv_1']) {
    const open = await (await get(path)).text();
    expect(open).toContain('what a machine inside said');
    const shut = await (await fetch(url + path, { headers })).text();
    expect(shut).toContain('"outcome":"http_error"');
    expect(shut).not.toContain('what a machine inside said');
    expect(shut).not.toContain('curl -H');
  }
});

test.each([
  ['POST', '/api/webhooks', {}, '/url'],
  ['POST', '/api/webhooks', { url: 'https://a.example', event: ['*'] }, '/event'],
  ['POST', '/api/webhooks', { url: 'https://a.example', headers: { a: 1 } }, '/headers/a'],
  ['POST', '/api/webhooks', { url: 'https://a.example', events: '*' }, '/events'],
  ['PATCH', '/api/webhooks/whk_1', { timeout: '5s' }, '/timeout'],
  ['POST', '/api/webhooks/whk_1/replay', {}, '/after'],
  ['POST', '/api/webhooks/whk_1/replay', { after: true }, '/after'],
  ['POST', '/api/deliveries/retry', { since: 'yesterday' }, '/since'],
  ['GET', '/api/deliveries?status=lost', undefined, '/status'],
])('%s %s with %o is refused, naming %s', async (method, path, body, pointer) => {
  const { send, calls } = await startWith();
  const answer = await send(method, path, body);
  expect(answer.status).toBe(422);
  expect((await answer.json()).errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  expect(calls).toEqual([]);
});

test.each([
  ['GET', '/api/webhooks/whk_9', 'webhook_not_found'],
  ['DELETE', '/api/webhooks/whk_9', 'webhook_not_found'],
  ['GET', '/api/deliveries/dlv_9', 'delivery_not_found'],
])('%s %s is 404 %s', async (method, path, code) => {
  const { send } = await startWith();
  const answer = await send(method, path);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ code });
});

test('status and metrics show the status of webhooks', async () => {
  const { get } = await startWith();
  expect((await (await get('/api/status')).json()).webhooks).toEqual({
    enabled: true,
    pending: 3,
    failed: 5,
  });
  expect((await (await get('/api/metrics')).json()).metrics.webhooks).toEqual({
    emitted: 10,
    delivered: 7,
    failed: 2,
    retried: 4,
    inFlight: 1,
    pending: 3,
    oldestPendingAgeSeconds: 2.5,
    attempts: [
      {
        outcome: 'success',
        count: 7,
        totalSeconds: 1.25,
        buckets: [
          { seconds: 0.1, count: 6 },
          { seconds: 1, count: 7 },
        ],
      },
      { outcome: 'timeout', count: 2, totalSeconds: 30, buckets: [{ seconds: 0.1, count: 0 }] },
    ],
    byState: { healthy: 3, failing: 0, open: 0, unreachable: 0, paused: 0, disabled: 0, refused: 0 },
  });
  const lines = (await (await get('/metrics')).text()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'codebuddy_webhook_events_emitted_total 10',
      'codebuddy_webhook_deliveries_delivered_total 7',
      'codebuddy_webhook_deliveries_failed_total 2',
      'codebuddy_webhook_deliveries_retries_total 4',
      'codebuddy_webhook_deliveries_in_flight 1',
      'codebuddy_webhook_deliveries_pending 3',
      'codebuddy_webhooks{state="healthy"} 3',
      'codebuddy_webhooks{state="open"} 0',
      'codebuddy_webhooks{state="unreachable"} 0',
      'codebuddy_webhook_oldest_pending_age_seconds 2.5',
      '# TYPE codebuddy_webhook_attempt_duration_seconds histogram',
      'codebuddy_webhook_attempt_duration_seconds_bucket{outcome="success",le="1"} 7',
      'codebuddy_webhook_attempt_duration_seconds_bucket{outcome="timeout",le="+Inf"} 2',
      'codebuddy_webhook_attempt_duration_seconds_sum{outcome="success"} 1.25',
      'codebuddy_webhook_attempt_duration_seconds_count{outcome="timeout"} 2',
    ]),
  );
});

test('metrics that cannot be read are omitted, and the others are not', async () => {
  const { get } = await startWith({ stats: () => Promise.reject(new Error('disk')) });
  const text = await (await get('/metrics')).text();
  expect(text).toContain('codebuddy_runs_active 0');
  expect(text).not.toContain('codebuddy_webhook');
});

test('the webhook of a prompt is created before its run', async () => {
  const { send, calls } = await startWith();
  const webhook = { url: 'https://example.org/hook', events: ['run.*'], secret: 's' };
  const answer = await send('POST', '/api/prompt', { prompt: 'help', webhook });
  expect(answer.status).toBe(200);
  expect(calls).toEqual([['createForRun', (await answer.json()).runId, webhook]]);
});

test('an invalid webhook of a prompt is refused with its field, and nothing runs', async () => {
  const { send, get } = await startWith({
    createForRun: () =>
      Promise.reject(
        new CodeBuddyError('validation_failed', 'The URL is not allowed.', {
          errors: [{ in: 'body', pointer: '/url', message: 'must be public' }],
        }),
      ),
  });
  const answer = await send('POST', '/api/prompt', { prompt: 'help', webhook: { url: 'http://10.0.0.1' } });
  expect(answer.status).toBe(422);
  expect((await answer.json()).errors).toEqual([
    { in: 'body', pointer: '/webhook/url', message: 'must be public' },
  ]);
  expect((await (await get('/api/runs')).json()).runs).toEqual([]);
});

test('the webhook of a run that does not start is deleted', async () => {
  const { send, calls } = await startWith();
  const answer = await send('POST', '/api/prompt', {
    prompt: 'help',
    sessionId: 'ses_none',
    webhook: { url: 'https://example.org/hook' },
  });
  expect(await answer.json()).toMatchObject({ status: 404, code: 'session_not_found' });
  expect(calls.map(([name]) => name)).toEqual(['createForRun', 'dropForRun']);
  expect(calls[1]?.[1]).toBe(calls[0]?.[1]);
});

test('a prompt with a webhook needs a webhook engine and an event log', async () => {
  const body = { prompt: 'help', webhook: { url: 'https://example.org/hook' } };
  const bare = await startServerWithStore();
  const noEngine = await bare.send('POST', '/api/prompt', body);
  expect(await noEngine.json()).toMatchObject({ status: 503, code: 'handler_not_configured' });
  expect((await bare.get('/api/webhooks')).status).toBe(404);
  expect((await (await bare.get('/api/status')).json()).webhooks).toEqual({
    enabled: false,
    pending: 0,
    failed: 0,
  });
  const { send, server, calls } = await startWith();
  server.onPrompt = () => 'mine';
  const delegated = await send('POST', '/api/prompt', body);
  expect(await delegated.json()).toMatchObject({ status: 503, code: 'handler_not_configured' });
  expect(calls).toEqual([]);
});

test('a delivery is returned with all its fields', async () => {
  const { get } = await startWith();
  expect((await (await get('/api/deliveries')).json()).deliveries).toEqual([aDelivery]);
});
