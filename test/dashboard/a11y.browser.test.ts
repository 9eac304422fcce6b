// Every view against the rules of axe in both themes, and at the width of a phone.

import { expect, test } from 'vitest';
import { violationsOf } from './axe.ts';
import { fillDashboard } from './fill-dashboard.ts';
import { useDashboard } from './start-dashboard.ts';
import { viewNames } from './view-names.ts';

const dashboard = useDashboard();

test.each(['light', 'dark'] as const)('every view passes axe in the %s theme', async (theme) => {
  const app = await dashboard.start({ theme });
  const { page, faults, show } = app;
  const { sessionId } = await fillDashboard(app);
  for (const view of [...viewNames, `sessions/${sessionId}`]) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    expect([view, await violationsOf(page)]).toEqual([view, []]);
  }
  expect(faults).toEqual([]);
});

test('no view scrolls sideways at 360 px', async () => {
  const app = await dashboard.start({ width: 360 });
  const { page, show } = app;
  const { sessionId } = await fillDashboard(app);
  for (const view of [...viewNames, `sessions/${sessionId}`]) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([view, 360]);
  }
});
