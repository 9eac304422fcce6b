// Every view against the rules of axe in both themes, and at the width of a phone.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { fillDashboard, replies } from './fill-dashboard.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

test.each(['light', 'dark'] as const)('every view passes axe in the %s theme', async (theme) => {
  const app = await startWithModel(dashboard, replies, { theme });
  const { page, faults, show } = app;
  for (const view of await fillDashboard(app)) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await page.evaluate(axe);
    const violations = await page.evaluate<readonly Violation[]>(
      'axe.run().then(({ violations }) => violations)',
    );
    const found = violations.map(
      ({ id, nodes }) => `${view}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`,
    );
    expect(found).toEqual([]);
  }
  expect(faults).toEqual([]);
});

test('no view scrolls sideways at 360 px', async () => {
  const app = await startWithModel(dashboard, replies, { width: 360 });
  const { page, show } = app;
  for (const view of await fillDashboard(app)) {
    await show(view);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([view, 360]);
  }
});
