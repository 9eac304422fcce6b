// The list of events as it follows the server.

import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { openTestStore, usesPostgres } from '../postgres/test-store.ts';
import { newEvent } from '../store/temporary-store.ts';
import { stopApp } from './restart-app.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

async function openEvents(query = '') {
  const app = await dashboard.start({ view: `events${query}`, port: await freePort() });
  await app.page.getByRole('heading', { name: 'Events' }).waitFor();
  return app;
}

const eventId = (number: number): string => `evt_${String(number).padStart(26, '0')}`;
const rowsOf = (page: Page) => page.getByRole('list', { name: 'Events' }).getByRole('listitem');

test('events appear as they happen, and open to their JSON', async () => {
  const { page, client, faults } = await openEvents();
  const session = await client.sessions.create({ title: 'A new one' });
  const row = rowsOf(page).filter({ hasText: 'session.start' });
  await row.getByText('A new one').waitFor();
  await row.getByRole('button', { name: /session.start/ }).click();
  await page
    .getByRole('figure', { name: /^Event evt_/ })
    .getByText(session.id)
    .waitFor();
  // The address holds the open row.
  await expect.poll(() => page.url()).toContain('open=evt_');
  await page.reload();
  await page.getByRole('figure', { name: /^Event evt_/ }).waitFor();
  expect(faults).toEqual([]);
});

test('new events wait behind a bar while an older one is read', async () => {
  const { page, client } = await openEvents();
  for (let n = 0; n < 60; n++) await client.sessions.create({ title: `Session ${n}` });
  await page.getByText('Session 59', { exact: true }).waitFor();
  await page.evaluate('scrollTo(0, 600)');
  await expect.poll(() => page.evaluate('scrollY')).toBeGreaterThan(300);
  const readRow = page.getByText('Session 40', { exact: true });
  const before = await readRow.boundingBox();
  await client.sessions.create({ title: 'One' });
  await client.sessions.create({ title: 'Two' });
  const bar = page.getByRole('button', { name: '2 new events' });
  await bar.waitFor();
  await expect.poll(() => page.getByText('Two', { exact: true }).count()).toBe(0);
  expect((await readRow.boundingBox())?.y).toBe(before?.y);
  await bar.click();
  await page.getByText('Two', { exact: true }).waitFor();
  await expect.poll(() => page.evaluate('scrollY')).toBe(0);
});

test('the address holds the filter, and a chip removes it', async () => {
  const { page, client } = await openEvents('?type=run.*');
  const { sessionId } = await client.prompt({ prompt: 'help' });
  await rowsOf(page).filter({ hasText: 'run.complete' }).waitFor();
  await expect.poll(() => rowsOf(page).filter({ hasText: 'session.start' }).count()).toBe(0);
  const types = page.getByLabel('Event types');
  await expect.poll(() => types.inputValue()).toBe('run.*');
  await types.fill('message.user');
  await types.press('Enter');
  await rowsOf(page).filter({ hasText: 'message.user' }).waitFor();
  await expect.poll(() => page.url()).toContain('type=message.user');

  await page.evaluate(`location.hash = '#/events?sessionId=${sessionId}'`);
  const chip = page.getByRole('button', { name: 'Clear the filter session' });
  await chip.click();
  await expect.poll(() => page.url()).not.toContain('sessionId');
});

test('a restart of the server is only a notice: nothing is lost or doubled', async () => {
  const app = await openEvents('?type=session.start');
  const { page, client } = app;
  await client.sessions.create({ title: 'Before' });
  await page.getByText('Before', { exact: true }).waitFor();
  const start = await stopApp(app);
  await page.getByText('reconnecting').waitFor();
  // What was loaded stays.
  await expect.poll(() => page.getByText('Before', { exact: true }).count()).toBe(1);
  await start();
  await page.getByText('live', { exact: true }).waitFor();
  await client.sessions.create({ title: 'After' });
  await page.getByText('After', { exact: true }).waitFor();
  await expect.poll(() => rowsOf(page).count()).toBe(2);
});

test('an idle page sends no request', async () => {
  const { page, client, settled } = await openEvents();
  // What the page loads once its stream has begun waits for 250 ms.
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 300))');
  await settled();
  let requests = 0;
  page.on('request', () => requests++);
  // Ten minutes of timers, in no time. An answer may set the next timer.
  await page.clock.install();
  for (let n = 0; n < 2; n++) {
    await page.clock.fastForward('10:00');
    await settled();
  }
  expect(requests).toBe(0);
  await client.sessions.create({ title: 'Still live' });
  await page.getByText('Still live').waitFor();
});

test('what happens before the page follows the server is in the events and in the transcript', async () => {
  const { page, client, show } = await dashboard.start();
  const { id: sessionId } = await client.sessions.create({ title: 'Early' });
  for (const [view, empty, list, text] of [
    ['events?type=message.user', 'No event matches the filter.', 'Events', 'message.user'],
    [`sessions/${sessionId}`, 'No messages yet', 'Transcript', 'I am the offline agent'],
  ] as const) {
    const begin = Promise.withResolvers<void>();
    // The page asks where the stream begins.
    await page.route(
      '**/api/events?limit=1&order=desc',
      async (route) => {
        await begin.promise;
        await route.continue();
      },
      { times: 1 },
    );
    await show(view);
    await page.reload();
    await page.getByText(empty).waitFor();
    await client.prompt({ prompt: 'help', ...(list === 'Transcript' ? { sessionId } : {}) });
    begin.resolve();
    await page.getByRole('list', { name: list }).getByText(text).first().waitFor();
  }
});

test('10 000 events scroll with few rows in the page', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-many-')));
  const home = join(folder, 'home');
  mkdirSync(join(home, 'api'), { recursive: true, mode: 0o700 });
  const store = await openTestStore({ path: usesPostgres ? home : join(home, 'api', 'codebuddy.db') });
  const count = 10_000;
  for (let at = 0; at < count; at += 500) {
    const events = Array.from({ length: 500 }, (_, n) =>
      newEvent({ id: eventId(at + n), type: 'session.end', timestamp: Date.now(), data: '{"reason":"x"}' }),
    );
    await store.store.write(events);
  }
  await store.close();
  const { page, faults } = await dashboard.start({ folder, view: 'events?type=session.end' });
  const rows = rowsOf(page);
  await rows.first().waitFor();
  const size = async (): Promise<number> => Number(await rows.first().getAttribute('aria-setsize'));
  await page.mouse.move(600, 400);
  while ((await size()) < count) {
    const before = await size();
    await page.mouse.wheel(0, 1_000_000);
    await expect.poll(size).toBeGreaterThan(before);
    await expect.poll(() => rows.count()).toBeLessThanOrEqual(80);
  }
  await page.mouse.wheel(0, 10_000_000);
  await expect.poll(() => rows.last().getAttribute('aria-posinset')).toBe(String(count));
  await expect.poll(() => rows.count()).toBeLessThanOrEqual(80);
  await page.mouse.wheel(0, -10_000_000);
  await expect.poll(() => rows.first().getAttribute('aria-posinset')).toBe('1');
  expect(faults).toEqual([]);
});
