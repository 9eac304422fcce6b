// What happens in no time, for what promises something about the time between two keys.

import type { Page } from 'playwright-core';

/** Longer than a busy machine needs between two commands, and shorter than the silence that ends a stream. */
const jumpMs = 30_000;

/** Does something while the clock of the page stands still, its timers and animation frames included. */
export async function atOnce(page: Page, act: () => Promise<void>): Promise<void> {
  await page.clock.install();
  await page.clock.pauseAt((await page.evaluate<number>('Date.now()')) + jumpMs);
  await act();
  await page.clock.resume();
}
