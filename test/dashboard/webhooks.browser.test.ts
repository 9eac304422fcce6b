// The page of webhooks in a real browser, with real receivers.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { verifyWebhook } from '../../src/webhooks/verify.ts';
import { startReceiver } from '../webhooks/recording-receiver.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();
const quiet = { config: { logLevel: 'silent' } };

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

test('a webhook is created with the form, and signs with the secret that is shown once', async () => {
  const { page, client, faults } = await dashboard.start({ ...quiet, view: 'webhooks' });
  const receiver = await startReceiver();
  await page.getByText('codebuddy webhooks listen').waitFor();
  await button(page, 'New webhook').click();
  await page.getByLabel('url').fill(receiver.url);
  const events = page.getByRole('group', { name: 'events' }).getByLabel('Add one');
  await events.fill('run.*');
  await events.press('Enter');
  await events.fill('webhook.test');
  await page.getByLabel('name', { exact: true }).fill('My receiver');
  await page.getByText('Secret, headers, retries and connection').click();
  const headers = page.getByRole('group', { name: 'headers' });
  await headers.getByRole('button', { name: 'Add' }).click();
  await headers.getByLabel('Name', { exact: true }).fill('X-Team');
  await headers.getByLabel('Value of X-Team').fill('platform');
  await page.getByLabel('retryCount').fill('3');
  await page.getByLabel('ordered').check();
  await button(page, 'Create webhook').click();

  const dialog = page.getByRole('dialog', { name: 'The webhook is created' });
  const secret = await dialog.locator('code').first().innerText();
  expect(secret).toMatch(/^whsec_/);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('heading', { name: 'My receiver' }).waitFor();
  const { webhooks } = await client.webhooks.list();
  expect(webhooks).toMatchObject([
    {
      name: 'My receiver',
      url: receiver.url,
      events: ['run.*', 'webhook.test'],
      headers: { 'X-Team': 'platform' },
      retryCount: 3,
      retryDelay: 1000,
      ordered: true,
    },
  ]);
  expect(await page.content()).not.toContain(secret);

  // A test, with its result in place.
  await button(page, 'Test').click();
  const result = page.getByRole('region', { name: 'Test' });
  await result.getByText('answered 200', { exact: true }).waitFor();
  await result.getByRole('table', { name: 'Headers of the request' }).getByText('platform').waitFor();
  const [got] = await receiver.received(1);
  expect(verifyWebhook(got?.body ?? '', got?.headers ?? {}, secret)).toBe(true);
  const body = await result.getByRole('figure', { name: 'Body of the request' }).innerText();
  expect(body).toBe(got?.body.toString());
  expect(faults).toEqual([]);
});

test('the errors of the server are shown at their fields, and what was entered stays', async () => {
  const { page, client } = await dashboard.start({ ...quiet, view: 'webhooks/new' });
  await page.getByLabel('url').fill('http://169.254.169.254/latest');
  const events = page.getByRole('group', { name: 'events' }).getByLabel('Add one');
  await events.fill('tool.strat');
  await events.press('Enter');
  await page.getByText('Secret, headers, retries and connection').click();
  const headers = page.getByRole('group', { name: 'headers' });
  await headers.getByRole('button', { name: 'Add' }).click();
  await headers.getByLabel('Name', { exact: true }).fill('Host');
  await headers.getByLabel('Value of Host').fill('x');
  await page.getByLabel('retryCount').fill('1000');
  // Closed again: an error inside opens it.
  await page.getByText('Secret, headers, retries and connection').click();
  await button(page, 'Create webhook').click();
  const problem = await client.webhooks
    .create({
      url: 'http://169.254.169.254/latest',
      events: ['tool.strat' as never],
      headers: { Host: 'x' },
      retryCount: 1000,
    })
    .catch((error: unknown) => error);
  const { errors } = problem as { errors: readonly { pointer: string; message: string }[] };
  expect(errors.length).toBeGreaterThan(1);
  for (const { pointer, message } of errors) {
    const [, name = ''] = pointer.split('/');
    const field = page.locator('.field', { hasText: new RegExp(`^${name}`) });
    await field.getByRole('alert').getByText(message).first().waitFor();
  }
  await expect.poll(() => page.getByLabel('url').inputValue()).toBe('http://169.254.169.254/latest');
  await page.reload();
  await expect.poll(() => page.getByLabel('url').inputValue()).toBe('http://169.254.169.254/latest');
});

test('an edit sends only what was changed', async () => {
  const { page, client, show } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  const { id } = await client.webhooks.create({
    url: receiver.url,
    name: 'Before',
    events: ['run.*'],
    headers: { Authorization: 'Bearer 0123456789' },
  });
  const bodies: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') bodies.push(request.postData() ?? '');
  });
  await show(`webhooks/${id}`);
  await button(page, 'Edit').click();
  const form = page.getByRole('form', { name: 'Edit the settings' });
  await expect.poll(() => form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
  await form.getByLabel('name', { exact: true }).fill('After');
  await form.getByRole('button', { name: 'Remove run.*' }).click();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'After' }).waitFor();
  expect(bodies.map((body) => JSON.parse(body))).toEqual([{ name: 'After', events: ['*'] }]);
  expect(await client.webhooks.get(id)).toMatchObject({ name: 'After', events: ['*'] });
});

test('a webhook is disabled, enabled with what it missed, given a new secret, and removed', async () => {
  const { page, client, show, faults } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  const created = await client.webhooks.create({ url: receiver.url, name: 'Mine', events: ['run.*'] });
  await show(`webhooks/${created.id}`);
  await button(page, 'Disable').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('off: by a user').waitFor();
  await client.prompt('list the files');
  const missed = (await client.events.list({ type: 'run.*' })).events.length;
  expect(missed).toBeGreaterThan(0);
  await expect.poll(async () => (await client.webhooks.get(created.id)).state.missed).toBe(missed);
  await page.getByText('Missed events', { exact: true }).waitFor();
  await button(page, 'Enable').click();
  await page.getByRole('dialog').getByText(`Deliver the ${missed} events that it missed`).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Enable' }).click();
  await receiver.received(missed);
  await page.getByText('healthy').first().waitFor();

  await button(page, 'Rotate secret').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  await dialog.getByText('The old secret also signs until').waitFor();
  const secret = await dialog.locator('code').first().innerText();
  await dialog.getByRole('button', { name: 'Done' }).click();
  const before = receiver.requests.length;
  await client.webhooks.update(created.id, { events: ['webhook.test'] });
  await client.webhooks.test(created.id);
  const got = (await receiver.received(before + 1)).at(-1);
  for (const one of [secret, created.secret ?? ''])
    expect(verifyWebhook(got?.body ?? '', got?.headers ?? {}, one)).toBe(true);

  await button(page, 'Remove').click();
  await page.getByRole('dialog').getByText('This cannot be undone').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect((await client.webhooks.list()).webhooks).toHaveLength(1);
  await button(page, 'Remove').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No webhooks yet').waitFor();
  expect((await client.webhooks.list()).webhooks).toEqual([]);
  expect(faults).toEqual([]);
});

test('a webhook is not loaded while it is removed', async () => {
  const { page, client, show, faults, url } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  const { id } = await client.webhooks.create({ url: receiver.url, name: 'Gone', events: ['message.*'] });
  await client.webhooks.create({ url: receiver.url, name: 'Other', events: ['run.*'] });
  await show(`webhooks/${id}`);
  await page.getByText('No deliveries yet').waitFor();
  const removed = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await page.route(`**/api/webhooks/${id}`, async (route) => {
    if (route.request().method() !== 'DELETE') return route.continue();
    const response = await route.fetch();
    removed.resolve();
    await answer.promise;
    return route.fulfill({ response });
  });
  await button(page, 'Remove').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await removed.promise;
  // Events reach the page before the answer. The list of another page, which waits longer after them, shows the last.
  const other = await dashboard.open({ url, client }, { view: 'webhooks' });
  await other.page.getByText('no success yet').waitFor();
  await client.prompt('list the files');
  await other.page.getByText('last success').waitFor();
  answer.resolve();
  await page.getByRole('heading', { name: 'Webhooks', exact: true }).waitFor();
  expect(faults).toEqual([]);
});

test('a replay shows how many events are queued and how many have ended', async () => {
  const { page, client, show } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  await client.prompt('list the files');
  const { id } = await client.webhooks.create({ url: receiver.url, name: 'Late', events: ['run.*'] });
  const { events } = await client.events.list({ types: 'run.*', limit: 100 });
  const held = receiver.hold();
  await show(`webhooks/${id}`);
  await button(page, 'Replay events').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('number').check();
  await dialog.getByLabel('From number').fill(String(events[0]?.sequence));
  await dialog.getByRole('button', { name: 'Replay' }).click();
  await dialog.getByText(`${events.length} events queued`).waitFor();
  await dialog.getByText(`0 of ${events.length} ended`).waitFor();
  receiver.answer((_request, response) => response.end('ok'));
  await receiver.received(1);
  for (const response of held) response.end('ok');
  await dialog.getByText(`${events.length} of ${events.length} ended`).waitFor();
  expect(receiver.requests.map(({ headers }) => headers['webhook-id']).sort()).toEqual(
    events.map(({ id: eventId }) => eventId).sort(),
  );
});

test('the list shows each state in words, the reason of a refusal, and how the last day went', async () => {
  const { page, client, home, show } = await dashboard.start({ ...quiet });
  const receiver = await startReceiver();
  receiver.answer((request, response) => {
    response.writeHead(request.path === '/bad' ? 422 : 200).end();
  });
  const origin = new URL(receiver.url).origin;
  const input = { events: ['webhook.test' as const], retryCount: 0 };
  const good = await client.webhooks.create({ ...input, url: `${origin}/good`, name: 'Good one' });
  const bad = await client.webhooks.create({ ...input, url: `${origin}/bad`, name: 'Bad one' });
  const off = await client.webhooks.create({ ...input, url: `${origin}/off`, name: 'Off one' });
  await client.webhooks.update(off.id, { enabled: false });
  for (const { id } of [good, bad]) await client.webhooks.test(id);
  const entry = { id: 'whk_refused1', name: 'Wrong one', url: receiver.url, events: ['tool.strat'] };
  const kept = JSON.parse(readFileSync(join(home, 'webhooks.json'), 'utf8'));
  writeFileSync(join(home, 'webhooks.json'), JSON.stringify([...kept, entry]));
  await expect.poll(async () => (await client.webhooks.list()).webhooks.length).toBe(4);

  await show('webhooks');
  const row = (name: string) =>
    page.getByRole('list', { name: 'Webhooks' }).getByRole('listitem').filter({ hasText: name });
  await row('Good one').getByText('healthy').waitFor();
  await row('Good one').getByText('100 %', { exact: true }).waitFor();
  await row('Good one')
    .getByText(/last success/)
    .waitFor();
  await row('Good one').getByText(new URL(origin).host).waitFor();
  await row('Bad one')
    .getByText(/failing since/)
    .waitFor();
  await row('Bad one').getByText('0 %', { exact: true }).waitFor();
  await row('Off one').getByText('off: by a user').waitFor();
  await row('Wrong one')
    .getByText(/refused: .*event type/)
    .waitFor();
  await page.getByText('2 need attention').waitFor();

  // By keyboard.
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await expect.poll(() => page.url()).toContain('#/webhooks/whk_');
});

test('without the scope admin, the buttons say which scope they need', async () => {
  const app = await dashboard.start({ ...quiet });
  const { id } = await app.client.webhooks.create({ url: (await startReceiver()).url, name: 'Mine' });
  const { key } = await app.client.keys.create({ name: 'reader', scopes: ['read'] });
  const { page } = await dashboard.open(app, { credential: key, view: `webhooks/${id}` });
  for (const name of ['Test', 'Edit', 'Disable', 'Replay events', 'Rotate secret', 'Remove']) {
    await expect.poll(() => button(page, name).isDisabled(), { message: name }).toBe(true);
    await expect
      .poll(() => button(page, name).getAttribute('title'))
      .toBe('Your key lacks the scope "admin".');
  }
});

test('the pages fit 360 pixels', async () => {
  const { page, client, show, settled } = await dashboard.start({ ...quiet, width: 360 });
  const name = `A receiver with a name ${'that is long '.repeat(10)}`;
  const receiver = await startReceiver();
  const { id } = await client.webhooks.create({ url: `${receiver.url}/${'long-'.repeat(60)}`, name });
  const { id: deliveryId } = await client.webhooks.test(id);
  await receiver.received(1);
  for (const view of [
    'webhooks',
    `webhooks/${id}`,
    'webhooks/new',
    'deliveries',
    `deliveries/${deliveryId}`,
  ]) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await settled();
    const isWide = (): Promise<boolean> => page.evaluate('document.documentElement.scrollWidth > innerWidth');
    await expect.poll(isWide, { message: view }).toBe(false);
  }
});
