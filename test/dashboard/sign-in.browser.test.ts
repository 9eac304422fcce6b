// The sign-in of a browser: by a one-time link, by a key, and its end.

import { expect, test } from 'vitest';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

test('a one-time link signs a browser in once', async () => {
  const app = await dashboard.start({ credential: null });
  const { code } = await app.client.signIn.createCode();
  const first = await dashboard.open(app, { credential: code, view: 'events' });
  await first.page.getByRole('heading', { name: 'Events' }).waitFor();
  // Neither the history nor the address keeps the code.
  expect(first.page.url()).not.toContain('sign-in');
  expect(first.faults).toEqual([]);

  const second = await dashboard.open(app, { credential: null });
  await second.page.goto(`${app.url}/?#sign-in=${code}`);
  await second.page.getByRole('alert').filter({ hasText: 'sign-in code' }).waitFor();
  expect(await second.page.getByRole('navigation').count()).toBe(0);
});
