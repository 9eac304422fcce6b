// The page of triggers in a real browser: the form, a dry test, calls with outcome and reason.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { github, pullRequest } from '../triggers/senders.ts';
import { violationsOf } from './axe.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();
const quiet = { config: { logLevel: 'silent', watch: false } };

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

test('a trigger is created with the form, and its URL and secret are shown once', async () => {
  const { page, client, url, faults } = await dashboard.start({ ...quiet, view: 'triggers' });
  await page.getByText('codebuddy triggers add github').waitFor();
  await button(page, 'New trigger').click();
  await page.getByLabel('prompt (required)').fill('Review {{a b}}.');
  await button(page, 'Create trigger').click();
  await page.getByRole('alert').first().waitFor();
  await page.getByLabel('source (required)').selectOption('github');
  await button(page, 'Create trigger').click();
  await page.getByText('a field is a path such as pull_request.number').first().waitFor();
  await page.getByLabel('prompt (required)').fill('Review {{number}}.');
  await page.getByLabel('name', { exact: true }).fill('Reviews');
  const filter = page.getByRole('group', { name: 'filter', exact: true });
  const events = filter.getByRole('group', { name: 'events' }).getByLabel('Add one');
  await events.fill('pull_request');
  await events.press('Enter');
  await button(page, 'Create trigger').click();
  const dialog = page.getByRole('dialog', { name: 'The trigger is created' });
  await dialog.getByText(`${url}/triggers/trg_`).waitFor();
  const secret = await dialog.locator('code').nth(1).innerText();
  expect(secret).toMatch(/^cbt_/);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('heading', { name: 'Reviews' }).waitFor();
  expect(await page.content()).not.toContain(secret);
  const { triggers } = await client.triggers.list();
  expect(triggers).toMatchObject([
    { name: 'Reviews', source: 'github', filter: { events: ['pull_request'] } },
  ]);
  expect(faults.filter((fault) => !fault.includes('422'))).toEqual([]);
});

test('calls appear as they come, with outcome and reason; a dry test starts nothing', async () => {
  const { page, client, url, show, faults } = await dashboard.start(quiet);
  const { id, path, secret } = await client.triggers.create({
    ...{ id: 'reviews1', source: 'github', name: 'Reviews', prompt: 'Review {{number}}.' },
    filter: { events: ['pull_request'] },
  });
  await show(`triggers/${id}`);
  const calls = page.getByRole('region', { name: 'Calls' });
  await calls.getByText('No calls yet').waitFor();
  await github({ url, path, secret }, pullRequest(1));
  await calls.getByText('accepted', { exact: true }).nth(1).waitFor();
  await github({ url, path, secret }, pullRequest(1), { event: 'push' });
  await calls.getByText('the filter wants pull_request').waitFor();
  await calls.getByLabel('Outcome').selectOption('ignored');
  await calls.getByText('pull_request.opened').waitFor({ state: 'detached' });
  await expect.poll(() => page.url()).toContain('outcome=ignored');

  const dry = page.getByRole('region', { name: 'Dry test' });
  await dry.getByLabel('Payload').fill('{"number": 42}');
  await dry.getByLabel('Event').fill('pull_request');
  await dry.getByRole('button', { name: 'Test' }).click();
  await dry.getByText('Review 42.').waitFor();
  expect((await client.runs.list()).runs).toHaveLength(1);
  expect(await violationsOf(page)).toEqual([]);

  await show('triggers');
  await page.getByRole('link', { name: 'Reviews' }).waitFor();
  await show(`sessions/${(await client.sessions.list()).sessions[0]?.id}`);
  await page.getByText('came in by a trigger').waitFor();
  expect(faults).toEqual([]);
});

test('an edit sends only what was changed, with the fields that the source has', async () => {
  const { page, client, show, faults } = await dashboard.start(quiet);
  await client.triggers.create({
    ...{ id: 'reviews1', source: 'github', name: 'Before', prompt: 'Review {{number}}.', data: ['title'] },
    filter: { events: ['pull_request'] },
    limits: { costPerDay: 2 },
  });
  const schedule = { cron: '0 9 * * 1-5' };
  await client.triggers.create({ id: 'nightly1', source: 'schedule', prompt: 'Update.', schedule });
  const bodies: unknown[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PATCH') bodies.push(JSON.parse(request.postData() ?? ''));
  });
  await show('triggers/reviews1');
  await button(page, 'Edit').click();
  const form = page.getByRole('form', { name: 'Edit the settings' });
  const save = form.getByRole('button', { name: 'Save' });
  await expect.poll(() => save.isDisabled()).toBe(true);
  for (const name of ['source', 'cron']) expect(await form.getByLabel(name).count()).toBe(0);
  await form.getByLabel('prompt', { exact: true }).fill('');
  await save.click();
  await form.getByRole('alert').getByText('must be a string of 1 to 65536 characters').first().waitFor();
  await form.getByLabel('prompt', { exact: true }).fill('Look at {{number}}.');
  await form.getByLabel('name', { exact: true }).fill('After');
  await form.getByText('Secret, session, data, limits and options').click();
  await form.getByRole('button', { name: 'Remove title' }).click();
  await form.getByLabel('costPerDay').fill('');
  expect(await violationsOf(page)).toEqual([]);
  await save.click();
  await page.getByRole('heading', { name: 'After' }).waitFor();
  expect(bodies.at(-1)).toEqual({
    name: 'After',
    prompt: 'Look at {{number}}.',
    data: null,
    limits: { perMinute: 30, perHour: 300 },
  });
  const saved = await client.triggers.get('reviews1');
  expect(saved).toMatchObject({ filter: { events: ['pull_request'] }, hasSecret: true });
  expect([saved.data, saved.limits.costPerDay]).toEqual([null, undefined]);

  await show('triggers/nightly1');
  await button(page, 'Edit').click();
  await form.getByLabel('cron (required)').fill('0 7 * * *');
  for (const name of ['secret', 'signature', 'filter'])
    expect(await form.getByText(name, { exact: true }).count()).toBe(0);
  await save.click();
  await page.getByText('0 7 * * * (UTC)').waitFor();
  expect(faults.filter((fault) => !fault.includes('422'))).toEqual([]);
});

test('a trigger is disabled, gets a new secret, and is removed', async () => {
  const { page, client, show } = await dashboard.start(quiet);
  const { id } = await client.triggers.create({ id: 'reviews1', source: 'github', prompt: 'x' });
  await show(`triggers/${id}`);
  const confirm = async (name: string): Promise<void> => {
    await button(page, name).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: name.split(' ')[0] ?? name, exact: true })
      .click();
  };
  await confirm('Disable');
  await button(page, 'Enable').click();
  await button(page, 'Disable').waitFor();
  await confirm('Rotate secret');
  const dialog = page.getByRole('dialog', { name: 'The new secret' });
  await expect.poll(() => dialog.locator('code').first().innerText()).toMatch(/^cbt_/);
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByText('accepted until').waitFor();
  await confirm('Remove');
  await page.getByText('No triggers yet').waitFor();
});
