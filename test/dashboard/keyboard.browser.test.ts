// The dashboard without a mouse.

import { expect, test } from 'vitest';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

test('g and a letter open the views, / goes to the search, ? shows the shortcuts', async () => {
  const { page, faults } = await dashboard.start();
  const heading = (name: string) => page.getByRole('heading', { name, level: 1 });
  await heading('Overview').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await heading('Sessions').waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await heading('Events').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('gs?');
  const search = page.getByRole('searchbox');
  expect(await search.inputValue()).toBe('gs?');
  await heading('Events').waitFor();
  await search.blur();
  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  expect(faults).toEqual([]);
});

test('j and k choose a row, and Enter opens it', async () => {
  const { page, client, show } = await dashboard.start();
  for (const title of ['Oldest', 'Middle', 'Newest']) await client.sessions.create({ title });
  await show('sessions');
  await page.getByText('Oldest').waitFor();
  for (const key of ['j', 'j', 'j', 'k', 'Enter']) await page.keyboard.press(key);
  await page.getByRole('heading', { name: 'Middle', level: 1 }).waitFor();
});

test('the tab key reaches the content, and the focus is visible', async () => {
  const { page } = await dashboard.start({ view: 'sessions' });
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('button', { name: 'Skip to the content' });
  expect(await skip.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
  expect(
    await skip.evaluate(
      (element) => element.ownerDocument.defaultView?.getComputedStyle(element).outlineStyle,
    ),
  ).not.toBe('none');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('content');
});
