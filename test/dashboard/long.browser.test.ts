// A session with 5 000 messages: only a part of it is in the page, and the reader is never moved.

import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { fillSession, longSession } from '../agent/long-session.ts';
import { openTestStore, usesPostgres } from '../postgres/test-store.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();
const count = 5000;
/** Rows in view, and a margin. */
const maxRows = 80;

async function openLongSession() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-long-')));
  const home = join(folder, 'home');
  mkdirSync(join(home, 'api'), { recursive: true, mode: 0o700 });
  const store = await openTestStore({ path: usesPostgres ? home : join(home, 'api', 'codebuddy.db') });
  await fillSession(store.store, count, 300);
  await store.close();
  const app = await dashboard.start({ folder, view: `sessions/${longSession}` });
  await rowOf(app.page, count - 1).waitFor();
  return app;
}

const rowOf = (page: Page, number: number) =>
  page.getByRole('list', { name: 'Transcript' }).getByText(`${String(number).padStart(6, '0')}x`);
const sizeOf = async (page: Page): Promise<number> =>
  Number(
    await page
      .getByRole('list', { name: 'Transcript' })
      .getByRole('listitem')
      .first()
      .getAttribute('aria-setsize'),
  );
const topOf = async (page: Page, number: number) =>
  Math.round((await rowOf(page, number).boundingBox())?.y ?? Number.NaN);

test('a long session begins at its end, and loads older messages without moving the reader', async () => {
  const { page, client, faults } = await openLongSession();
  await expect.poll(() => sizeOf(page)).toBe(80);
  await page.getByText(/5,000 messages/).waitFor();

  await page.evaluate('scrollTo(0, 0)');
  await expect.poll(() => sizeOf(page)).toBe(280);
  // The row that was first is still where it was, below those that came in above it.
  const first = count - 80;
  await rowOf(page, first).waitFor();
  const before = await topOf(page, first);
  expect(before).toBeGreaterThan(0);
  expect(before).toBeLessThan(800);

  // What comes in at the end moves nothing either.
  await client.prompt({ prompt: 'help', sessionId: longSession });
  await page.getByText(/5,002 messages/).waitFor();
  await expect.poll(() => topOf(page, first)).toBe(before);
  expect(faults).toEqual([]);
});

test('the whole of a long session scrolls with few rows in the page', async () => {
  const { page } = await openLongSession();
  const rows = page.getByRole('list', { name: 'Transcript' }).getByRole('listitem');
  await page.mouse.move(600, 400);
  while ((await sizeOf(page)) < count) {
    const size = await sizeOf(page);
    await page.mouse.wheel(0, -1_000_000);
    await expect.poll(() => sizeOf(page)).toBeGreaterThan(size);
    await expect.poll(() => rows.count()).toBeLessThanOrEqual(maxRows);
  }
  await page.mouse.wheel(0, -1_000_000);
  await rowOf(page, 0).waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'Load older messages' }).count()).toBe(0);
  await page.mouse.wheel(0, 10_000_000);
  await rowOf(page, count - 1).waitFor();
  await expect.poll(() => rows.count()).toBeLessThanOrEqual(maxRows);
});
