// `EventSource` in a real browser: it cannot send headers, so it uses a ticket, and its `onmessage` gets only unnamed
// messages.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser, newPage } from '../../dashboard/launch-browser.ts';
import { startApp } from '../start-app.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

test('a web page follows a run with a ticket', async () => {
  const { url, client } = await startApp();
  const { runId } = await client.prompt({ prompt: 'help' });
  const page = await newPage(browser);
  await page.goto(`${url}/docs`);
  // Last, because they expire.
  const { ticket } = await client.streamTickets.create();
  const unnamed = await client.streamTickets.create();
  const heard = await page.evaluate(
    async ({ path, tickets }) => {
      const follow = (query: string): Promise<{ named: string[]; unnamed: string[] }> =>
        new Promise((resolve) => {
          const all = { named: [] as string[], unnamed: [] as string[] };
          const source = new EventSource(`${path}?${query}`);
          source.addEventListener('run.complete', () => all.named.push('run.complete'));
          source.onmessage = ({ data }) => all.unnamed.push(JSON.parse(data).type);
          source.onerror = () => {
            source.close();
            resolve(all);
          };
        });
      return [await follow(`ticket=${tickets[0]}`), await follow(`named=false&ticket=${tickets[1]}`)];
    },
    { path: `/api/runs/${runId}/events`, tickets: [ticket, unnamed.ticket] },
  );
  expect(heard[0]).toEqual({ named: ['run.complete'], unnamed: [] });
  expect(heard[1]?.named).toEqual([]);
  expect(heard[1]?.unnamed).toContain('run.complete');
});
