// examples/streaming-page in a real browser, with a real server.

import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startModelServer } from '../agent/model-server.ts';
import { launchBrowser, newPage } from '../dashboard/launch-browser.ts';
import { startApp } from '../http/start-app.ts';
import { example, startExample } from './start-example.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

async function open() {
  const model = await startModelServer({ kind: 'answer', text: ['One ', 'two ', 'three.'] });
  const app = await startApp({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } }, cors: true },
  });
  const { url } = await startExample([process.execPath, example('streaming-page/server.ts')], {
    CODEBUDDY_HOME: app.home,
  });
  const page = await newPage(browser);
  const requested: string[] = [];
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(url);
  return { ...app, page, url, requested };
}

test('the page shows the answer, by a ticket and without the key', async () => {
  const { page, requested, url: pageUrl, client } = await open();
  await page.getByLabel('Prompt').fill('count to three');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Done.').waitFor();
  expect((await page.locator('#answer').innerText()).trim()).toBe('One two three.');
  const streams = requested.filter((url) => url.includes('/events?'));
  expect(streams).toHaveLength(1);
  expect(streams[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/api\/runs\/run_\w+\/events\?ticket=/);
  // The prompt ran with the mode read-only, and only for this page.
  const { runs } = await client.runs.list();
  expect(runs).toHaveLength(1);
  for (const headers of [{}, { origin: 'https://evil.example.org' }] as Record<string, string>[]) {
    const answer = await fetch(`${pageUrl}/prompt`, { method: 'POST', body: 'count', headers });
    expect(answer.status).toBe(404);
  }
});

test('a broken stream continues with another ticket', async () => {
  const { page, requested } = await open();
  let broken = false;
  await page.route('**/api/runs/**', async (route) => {
    if (broken) return route.continue();
    broken = true;
    return route.abort('connectionreset');
  });
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Done.').waitFor();
  expect((await page.locator('#answer').innerText()).trim()).toBe('One two three.');
  expect(new Set(requested.filter((url) => url.includes('/events?'))).size).toBe(2);
});
