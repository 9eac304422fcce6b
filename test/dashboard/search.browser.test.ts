// The search: an id opens its page, a text finds sessions, webhooks, deliveries and events.

import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTestStore, usesPostgres } from '../postgres/test-store.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

test('the id of a session, a run or an event opens its page', async () => {
  const { page, client, faults } = await dashboard.start();
  const { id: runId, sessionId } = await client.runs.start({ prompt: 'list *.md' });
  const field = page.getByRole('searchbox');
  await page.keyboard.press('/');
  await page.keyboard.type(sessionId);
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/#/sessions/${sessionId}`);
  await field.fill(runId);
  await field.press('Enter');
  await page.waitForURL(`**/#/sessions/${sessionId}?run=${runId}`);
  const { events } = await client.events.list({ limit: 1 });
  const eventId = events[0]?.id ?? '';
  await field.fill(eventId);
  await field.press('Enter');
  await page.waitForURL(`**/#/events/${eventId}`);
  await page
    .getByRole('figure', { name: `Event ${eventId}` })
    .getByText(eventId)
    .waitFor();
  // The search itself is not in the history.
  await page.goBack();
  await page.waitForURL(`**/#/sessions/${sessionId}?run=${runId}`);
  expect(faults).toEqual([]);
});

test('a text finds titles of sessions, names of webhooks, deliveries and events', async () => {
  const { page, client, show, faults } = await dashboard.start();
  await client.sessions.create({ title: 'Repair the Pipeline' });
  await client.sessions.create({ title: 'Something else' });
  const { id } = await client.webhooks.create({
    url: 'http://127.0.0.1:20201/pipeline',
    name: 'CI',
    events: ['webhook.test'],
    enabled: false,
  });
  await show('search?text=pipeline');
  const sessions = page.getByRole('region', { name: 'Sessions' });
  await sessions.getByText('1 of 2 sessions').waitFor();
  await sessions.getByRole('link', { name: 'Repair the Pipeline' }).waitFor();
  const webhooks = page.getByRole('region', { name: 'Webhooks' });
  await expect
    .poll(() => webhooks.getByRole('link', { name: 'CI' }).getAttribute('href'))
    .toBe(`#/webhooks/${id}`);
  await page.getByRole('region', { name: 'Deliveries' }).getByText('No delivery matches.').waitFor();
  await page.getByRole('region', { name: 'Events' }).getByRole('link', { name: 'session.start' }).waitFor();
  // A short id, as pages show it.
  const { sessions: all } = await client.sessions.list();
  await show(`search?text=ses_…${all[0]?.id.slice(-6)}`);
  await sessions.getByText('1 of 2 sessions').waitFor();
  expect(faults).toEqual([]);
});

test('a text finds messages, also of an archived session, which the list shows on request', async () => {
  const { page, client, show, faults } = await dashboard.start();
  const { sessionId } = await client.prompt({ prompt: 'Where does the <b>heron</b> nest?' });
  await client.sessions.create({ title: 'Another' });
  await show(`sessions/${sessionId}`);
  await page.getByRole('button', { name: 'Archive', exact: true }).click();
  await page.getByRole('button', { name: 'Unarchive' }).waitFor();
  await show('sessions');
  const list = page.getByRole('link', { name: 'Where does the' });
  await page.getByRole('link', { name: 'Another' }).waitFor();
  expect(await list.count()).toBe(0);
  await page.getByRole('button', { name: 'Archived' }).click();
  await list.waitFor();
  await show('search?text=heron');
  const found = page.getByRole('region', { name: 'Messages' }).getByRole('link').first();
  await found.getByText('heron', { exact: true }).waitFor();
  expect(await found.getAttribute('href')).toBe(`#/sessions/${sessionId}`);
  expect(faults).toEqual([]);
});

test('titles of all sessions are found, also beyond the newest ones that are read', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-search-')));
  const home = join(folder, 'home');
  mkdirSync(join(home, 'api'), { recursive: true, mode: 0o700 });
  const store = await openTestStore({ path: usesPostgres ? home : join(home, 'api', 'codebuddy.db') });
  const details = JSON.stringify({ model: null, metadata: {} });
  await store.store.write(
    Array.from({ length: 1200 }, (_, n) => {
      const id = `ses_0000000000000000000000${String(n).padStart(4, '0')}`;
      const title = n === 0 ? 'The very first one' : `Session ${n}`;
      return { kind: 'putSession', session: { id, title, createdAt: n, updatedAt: n, details } } as const;
    }),
  );
  await store.close();
  const { page, faults } = await dashboard.start({ folder, view: 'search?text=first%20very' });
  const sessions = page.getByRole('region', { name: 'Sessions' });
  await sessions.getByText('1 of the newest 1,000, and of all titles').waitFor();
  await sessions.getByRole('link', { name: 'The very first one' }).waitFor();
  expect(faults).toEqual([]);
});

test('an unknown id is reported as such', async () => {
  const { page } = await dashboard.start({ view: 'search?text=ses_01M8MWHRMDS7RY23VMRRBAK375' });
  await page.getByText('Nothing has the id ses_01M8MWHRMDS7RY23VMRRBAK375.').waitFor();
});
