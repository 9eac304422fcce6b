// The reference page in a real browser: it renders, searches, opens linked sections, and does not violate its own
// policy.

import sparticuz from '@sparticuz/chromium';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApp } from '../start-app.ts';

let browser: Browser;

beforeAll(async () => {
  const executablePath = await sparticuz.executablePath();
  browser = await chromium.launch({ executablePath, args: sparticuz.args, headless: true });
}, 60_000);

afterAll(() => browser?.close());

async function open(hash = ''): Promise<{ readonly page: Page; readonly errors: readonly string[] }> {
  const { url } = await startApp();
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  // The page may send requests only to this server.
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) errors.push(`asks for ${request.url()}`);
  });
  await page.goto(`${url}/docs${hash}`);
  await page.getByText('/api/prompt').first().waitFor();
  return { page, errors };
}

test('the docs page shows every route and the possible answers to a prompt', async () => {
  const { page, errors } = await open();
  expect(await page.locator('details.route').count()).toBeGreaterThan(35);
  await page.locator('summary', { hasText: '/api/prompt' }).first().click();
  const prompt = page.locator('details[open]');
  await prompt.getByText('Response 202').waitFor();
  const text = await prompt.innerText();
  expect(text).toMatch(/QueuedRun A queued run[\s\S]*or WaitingRun A run that waits for a decision/);
  expect(text).toContain('permissionMode');
  expect(errors).toEqual([]);
});

test('the docs page can be searched, and links open their section', async () => {
  const { page, errors } = await open('#decidePermission');
  expect(await page.locator('details#decidePermission').getAttribute('open')).not.toBeNull();
  await page.getByRole('searchbox').or(page.locator('#search')).first().fill('webhooks replay');
  await page.getByText(/^1 match$/).waitFor();
  expect(await page.locator('details.route:visible').count()).toBe(1);
  expect(errors).toEqual([]);
});
