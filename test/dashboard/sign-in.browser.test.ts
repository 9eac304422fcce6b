// The sign-in of a browser: by a one-time link, by a key, and its end.

import { expect, test } from 'vitest';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

test('a one-time link signs a browser in once', async () => {
  const app = await dashboard.start({ credential: null });
  const { code } = await app.client.signIn.createCode();
  const first = await dashboard.open(app, { credential: code });
  await first.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  // Neither the history nor the address keeps the code.
  expect(first.page.url()).not.toContain('sign-in');
  expect(first.faults).toEqual([]);

  const second = await dashboard.open(app, { credential: null });
  await second.page.goto(`${app.url}/?#sign-in=${code}`);
  await second.page.getByRole('alert').filter({ hasText: 'sign-in code' }).waitFor();
  await expect.poll(() => second.page.getByRole('navigation').count()).toBe(0);
});

test('a page without a sign-in says how, and takes a key', async () => {
  const app = await dashboard.start({ credential: null, view: 'sessions' });
  const { page } = app;
  await page.getByText('codebuddy open').waitFor();
  const field = page.getByLabel('API key');
  await field.fill('cb_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: 'Unknown API key' }).waitFor();

  const { key } = await app.client.keys.create({ name: 'page', scopes: ['read'] });
  await field.fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  // The address is still that of the view.
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
  const prompt = page.getByRole('button', { name: 'New prompt' });
  await expect.poll(() => prompt.isDisabled()).toBe(true);
  await expect.poll(() => prompt.getAttribute('title')).toContain('"prompt"');
  // A cookie that scripts cannot read.
  const cookies = await page.context().cookies();
  expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
  expect(await page.evaluate('document.cookie')).toBe('');
  await page.reload();
  await page.getByRole('heading', { name: 'Sessions' }).waitFor();
});

test('a key that is revoked signs its browsers out, and signing out removes the cookie', async () => {
  const app = await dashboard.start({ credential: null });
  const { id, key } = await app.client.keys.create({ name: 'page', scopes: ['read'] });
  const { page } = await dashboard.open(app, { credential: key, view: 'events' });
  await page.getByRole('heading', { name: 'Events' }).waitFor();
  // Its stream ends with the key, so the page signs out without a click.
  await app.client.keys.revoke(id);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();

  const other = await dashboard.open(app);
  await other.page.getByRole('button', { name: 'Sign out' }).click();
  await other.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await other.page.context().cookies()).toEqual([]);
  await other.page.reload();
  await other.page.getByRole('heading', { name: 'Sign in' }).waitFor();
});
