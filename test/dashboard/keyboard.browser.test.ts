// The dashboard without a mouse.

import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { atOnce } from './at-once.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();

test('g and a letter open the views, / goes to the search, ? shows the shortcuts', async () => {
  const { page, faults } = await dashboard.start();
  const heading = (name: string) => page.getByRole('heading', { name, level: 1 });
  await heading('Overview').waitFor();
  for (const name of ['Sessions', 'Events']) {
    await atOnce(page, async () => {
      for (const key of ['g', name.charAt(0).toLowerCase()]) await page.keyboard.press(key);
    });
    await heading(name).waitFor();
  }
  await page.keyboard.press('/');
  await page.keyboard.type('gs?');
  const search = page.getByRole('searchbox');
  await expect.poll(() => search.inputValue()).toBe('gs?');
  await heading('Events').waitFor();
  await search.blur();
  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  expect(faults).toEqual([]);
});

test('a key works as soon as the page is there', async () => {
  const { page } = await dashboard.start();
  // No frame is drawn, and no timer ends.
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 30_000);
  await page.reload();
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('abc');
  await expect.poll(() => page.getByRole('searchbox').inputValue()).toBe('abc');
});

test('what opens takes the next keys, before it is painted', async () => {
  const { page, client, show } = await dashboard.start();
  const { id } = await client.triggers.create({ source: 'github', prompt: 'Review it.' });
  const focused = (): Promise<string> => page.evaluate('document.activeElement.tagName');
  await show(`triggers/${id}`);
  const edit = page.getByRole('button', { name: 'Edit' });
  await edit.waitFor();
  await atOnce(page, async () => {
    await edit.press('Enter');
    await expect.poll(focused).toBe('INPUT');
  });
  await show('sessions');
  const open = page.getByRole('button', { name: 'New prompt' });
  await open.waitFor();
  await atOnce(page, async () => {
    await open.press('Enter');
    await expect.poll(focused).toBe('TEXTAREA');
  });
  await show('webhooks');
  await page.getByRole('heading', { name: 'Webhooks', level: 1 }).waitFor();
  await atOnce(page, async () => {
    await page.keyboard.press('?');
    await expect.poll(() => page.locator('dialog:modal').count()).toBe(1);
  });
});

test('j and k choose a row, and Enter opens it', async () => {
  const { page, client, show } = await dashboard.start();
  for (const title of ['Oldest', 'Middle', 'Newest']) await client.sessions.create({ title });
  await show('sessions');
  await page.getByText('Oldest').waitFor();
  for (const key of ['j', 'j', 'j', 'k', 'Enter']) await page.keyboard.press(key);
  await page.getByRole('heading', { name: 'Middle', level: 1 }).waitFor();
});

test('Enter presses what has the focus, and opens the row that j and k chose after a click', async () => {
  const { page, client, show } = await dashboard.start();
  for (const title of ['Older', 'Newer']) await client.sessions.create({ title });
  await show('sessions');
  const heading = (name: string) => page.getByRole('heading', { name, level: 1 });
  await page.getByRole('link', { name: 'Older' }).focus();
  await page.keyboard.press('Enter');
  await heading('Older').waitFor();

  await show('events?type=session.start');
  const rows = page.getByRole('list', { name: 'Events' }).getByRole('listitem');
  await rows.filter({ hasText: 'Newer' }).getByRole('button').click();
  await page.getByRole('figure', { name: /^Event evt_/ }).waitFor();
  // The first row, then the second one.
  for (const key of ['j', 'j', 'Enter']) await page.keyboard.press(key);
  await rows.filter({ hasText: 'Older' }).getByRole('button', { expanded: true }).waitFor();
});

test('g and a key without a view do nothing: a alone would allow a permission', async () => {
  const { page, client, show } = await startWithModel(dashboard, [
    calls('bash', { command: 'echo one' }),
    says('Done.'),
  ]);
  const run = await client.runs.start({ prompt: 'go' });
  await show('permissions');
  // Keys answer a question once it was in view for a moment.
  await page.locator('.permission.has-keys').waitFor();
  await atOnce(page, async () => {
    for (const key of ['g', 'a', 'd']) await page.keyboard.press(key);
  });
  for await (const { type, data } of client.runs.events(run.id)) {
    if (type === 'permission.resolved') expect(data.decision).toBe('deny');
  }
});

test('the tab key reaches the content, and the focus is visible', async () => {
  const { page } = await dashboard.start({ view: 'sessions' });
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('button', { name: 'Skip to the content' });
  await expect
    .poll(() => skip.evaluate((element) => element === element.ownerDocument.activeElement))
    .toBe(true);
  expect(
    await skip.evaluate(
      (element) => element.ownerDocument.defaultView?.getComputedStyle(element).outlineStyle,
    ),
  ).not.toBe('none');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('content');
});
