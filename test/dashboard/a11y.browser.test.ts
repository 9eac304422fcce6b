// Every view against the rules of axe in both themes, and at the width of a phone.

import { expect, test } from 'vitest';
import { violationsOf } from './axe.ts';
import { fillDashboard, replies } from './fill-dashboard.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();

test.each(['light', 'dark'] as const)('every view passes axe in the %s theme', async (theme) => {
  const app = await startWithModel(dashboard, replies, { theme });
  const { page, faults, show, settled } = app;
  for (const view of await fillDashboard(app)) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await settled();
    expect([view, await violationsOf(page)]).toEqual([view, []]);
  }
  expect(faults).toEqual([]);
});

test('no view scrolls sideways at 360 px', async () => {
  const app = await startWithModel(dashboard, replies, { width: 360 });
  const { page, show, settled } = app;
  for (const view of await fillDashboard(app)) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await settled();
    expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([view, 360]);
  }
});
