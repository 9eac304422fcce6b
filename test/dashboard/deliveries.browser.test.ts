// The page of deliveries in a real browser, with real receivers.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { CodeBuddyClient } from '../../src/client/index.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();
const quiet = { config: { logLevel: 'silent' } };
const events = ['webhook.test' as const];

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const rows = (page: Page) => page.getByRole('list', { name: 'Deliveries' }).getByRole('listitem');

/** Sends a test, and waits until it has ended. */
async function deliver(client: CodeBuddyClient, webhookId: string): Promise<string> {
  const { id } = await client.webhooks.test(webhookId);
  await expect.poll(async () => (await client.deliveries.get(id)).status).not.toBe('pending');
  return id;
}

test('an empty list says what fills it; filters are in the URL and can be cleared', async () => {
  const { page, client, show, faults } = await dashboard.start({ ...quiet, view: 'deliveries' });
  await page.getByText('codebuddy webhooks listen').waitFor();
  const receiver = await startReceiver();
  receiver.answer((request, response) => response.writeHead(request.path === '/bad' ? 422 : 200).end());
  const { origin } = new URL(receiver.url);
  const good = await client.webhooks.create({ url: `${origin}/good`, name: 'Good', events });
  const bad = await client.webhooks.create({ url: `${origin}/bad`, name: 'Bad', events, retryCount: 0 });
  for (const { id } of [good, bad, bad]) await deliver(client, id);

  await expect.poll(() => rows(page).count()).toBe(3);
  await page.getByLabel('Status').selectOption('failed');
  await expect.poll(() => rows(page).count()).toBe(2);
  await page.getByText('2 that match').waitFor();
  await expect.poll(() => page.url()).toContain('status=failed');
  await page.reload();
  await expect.poll(() => rows(page).count()).toBe(2);
  await page.getByLabel('Webhook', { exact: true }).selectOption({ label: 'Good' });
  await page.getByText('No delivery matches the filters.').waitFor();
  await button(page, 'Clear filters').click();
  await expect.poll(() => rows(page).count()).toBe(3);
  await page.getByLabel('Event type').fill('run.complete');
  await page.getByLabel('Event type').press('Enter');
  await page.getByText('No delivery matches the filters.').waitFor();
  await show(`deliveries?webhookId=${bad.id}`);
  await expect.poll(() => rows(page).count()).toBe(2);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'webhook.test' }).waitFor();
  expect(faults).toEqual([]);
});

test('a delivery shows its request, its response and the next step, and is retried', async () => {
  const { page, client, show, faults } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  receiver.answer((_request, response) => {
    response.writeHead(422, { 'content-type': 'application/json' }).end('{"error":"unknown field"}');
  });
  const { id } = await client.webhooks.create({
    url: receiver.url,
    name: 'Strict',
    events,
    retryCount: 0,
    headers: { 'X-Team': 'platform' },
  });
  const deliveryId = await deliver(client, id);
  const { explanation } = await client.deliveries.get(deliveryId);
  const [got] = receiver.requests;
  await show(`deliveries/${deliveryId}`);

  await page.getByText('failed: http error').waitFor();
  await page.getByText(explanation.nextStep).waitFor();
  const request = page.getByRole('region', { name: 'Request' });
  await expect
    .poll(() => request.getByRole('figure', { name: 'Body of the request' }).innerText())
    .toBe(got?.body.toString());
  const headers = request.getByRole('table', { name: 'Headers of the request' });
  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'x-team'])
    await headers.getByText(String(got?.headers[name]), { exact: true }).waitFor();
  await request.getByText('with the secret that the webhook has now').waitFor();
  const response = page.getByRole('region', { name: 'Response' });
  await response.getByText('unknown field').waitFor();
  await response.getByRole('table', { name: 'Headers of the response' }).getByText('date').waitFor();
  await page.getByRole('figure', { name: 'Code, sh, signed now' }).getByText(receiver.url).waitFor();

  receiver.answer((_request, answer) => answer.end('fine now'));
  await button(page, 'Retry').click();
  await page.getByText('delivered', { exact: true }).waitFor();
  await page.getByRole('region', { name: 'Response' }).getByText('fine now').waitFor();
  await expect.poll(() => page.getByRole('button', { name: /^Attempt \d/ }).count()).toBe(2);
  // The first attempt opens to its own request and response.
  await page.getByRole('button', { name: /^Attempt 1/ }).click();
  await page.getByRole('region', { name: 'Response' }).getByText('unknown field').waitFor();
  expect(faults).toEqual([]);
});

test('a delivery under way is followed until it has ended', async () => {
  const { page, client, show } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  const held = receiver.hold();
  const { id } = await client.webhooks.create({ url: receiver.url, events });
  const { id: deliveryId } = await client.webhooks.test(id);
  await receiver.received(1);
  await show(`deliveries/${deliveryId}`);
  await page.getByText('pending', { exact: true }).waitFor();
  await page.getByText('as it will be sent').waitFor();
  held[0]?.end('done');
  await page.getByText('delivered', { exact: true }).waitFor();
});

test('an ed25519 signature is verified in the page', async () => {
  const { page, client, show } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  const seed = (fill: number): string => `whsk_${Buffer.alloc(32, fill).toString('base64')}`;
  const { id } = await client.webhooks.create({ url: receiver.url, events, secret: seed(7) });
  const deliveryId = await deliver(client, id);
  await show(`deliveries/${deliveryId}`);
  await page.getByText('Valid: checked here with the public key').waitFor();
  await client.webhooks.update(id, { secret: seed(8) });
  await page.reload();
  await page.getByText('Not valid with the public key').waitFor();
});

test('a bulk retry first says how many deliveries it would send', async () => {
  const { page, client, show } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(422).end());
  const input = { events, retryCount: 0 };
  const one = await client.webhooks.create({ ...input, url: `${receiver.url}/1`, name: 'One' });
  const two = await client.webhooks.create({ ...input, url: `${receiver.url}/2`, name: 'Two' });
  for (const { id } of [one, two, two]) await deliver(client, id);
  receiver.answer((_request, response) => response.end());

  await show(`deliveries?webhookId=${two.id}`);
  await button(page, 'Retry failed').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('2 failed deliveries are sent again to Two').waitFor();
  expect((await client.deliveries.countFailed()).matching).toBe(3);
  expect(receiver.requests).toHaveLength(3);
  await dialog.getByRole('button', { name: 'Retry 2 deliveries' }).click();
  await receiver.received(5);
  await expect
    .poll(async () => (await client.deliveries.list()).deliveries.map(({ status }) => status).sort())
    .toEqual(['failed', 'success', 'success']);

  await button(page, 'Clear filters').click();
  await button(page, 'Retry failed').click();
  await dialog.getByText('1 failed delivery is sent again').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  await button(page, 'Clear history').click();
  await dialog.getByText('This cannot be undone').waitFor();
  await dialog.getByRole('button', { name: 'Clear history' }).click();
  await page.getByText('No deliveries yet').waitFor();
  expect((await client.deliveries.list()).deliveries).toEqual([]);
});

test('a key without the scope admin sees the state, but neither answers nor signatures', async () => {
  const app = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  receiver.answer((_request, response) => response.writeHead(422).end('an inner answer'));
  const { id } = await app.client.webhooks.create({ url: receiver.url, events, retryCount: 0 });
  const deliveryId = await deliver(app.client, id);
  const { key } = await app.client.keys.create({ name: 'reader', scopes: ['read'] });
  const { page } = await dashboard.open(app, { credential: key, view: `deliveries/${deliveryId}` });
  await page.getByText('failed: http error').waitFor();
  await page.getByRole('figure', { name: 'Body of the request' }).waitFor();
  await expect.poll(() => button(page, 'Retry').isDisabled()).toBe(true);
  const content = await page.content();
  expect(content).not.toContain('an inner answer');
  expect(content).not.toContain(String(receiver.requests[0]?.headers['webhook-signature']));
});
