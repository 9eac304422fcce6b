// The reference page in a real browser: it renders, searches, opens linked sections, and does not violate its own
// policy.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../cli/run-cli.ts';
import { launchBrowser, newPage } from '../../dashboard/launch-browser.ts';
import { isInstalled, runProgram } from '../../run-program.ts';
import { type StartedApp, startApp } from '../start-app.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser?.close());

interface OpenPage extends StartedApp {
  readonly page: Page;
  /** What the browser complained about. */
  readonly errors: readonly string[];
}

async function open(hash = ''): Promise<OpenPage> {
  const app = await startApp();
  const { url } = app;
  const page = await newPage(browser);
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
  return { ...app, page, errors };
}

test('the docs page shows every route and the possible answers to a prompt', async () => {
  const { page, errors } = await open();
  expect(await page.locator('details.route').count()).toBeGreaterThan(35);
  await page.locator('summary', { hasText: '/api/prompt' }).first().click();
  const prompt = page.locator('details[open]');
  await prompt.getByText('Response 202').waitFor();
  const text = await prompt.innerText();
  expect(text).toMatch(/QueuedRun A queued run[\s\S]*or WaitingRun A run that waits for a permission/);
  expect(text).toContain('permissionMode');
  expect(errors).toEqual([]);
});

test('the docs page can be searched, and links open their section', async () => {
  const { page, errors } = await open('#decidePermission');
  expect(await page.locator('details#decidePermission').getAttribute('open')).not.toBeNull();
  const search = page.getByRole('searchbox').or(page.locator('#search')).first();
  await search.fill('/webhooks/{id}/replay');
  await page.getByText(/^1 match$/).waitFor();
  expect(await page.locator('details.route:visible').count()).toBe(1);
  // The whole text is searched: fields, parameters and errors of routes that were never opened.
  for (const words of ['maxCost permissionMode', 'idempotency_in_progress prompt', 'a model may talk']) {
    await search.fill(words);
    await page.getByText(/^\d+ match(es)?$/).waitFor();
    await expect
      .poll(() => page.locator('details#prompt:visible').count(), { message: words })
      .toBe(words.startsWith('a model') ? 0 : 1);
  }
  expect(errors).toEqual([]);
});

test('each route has a link, its errors and a sample answer', async () => {
  const { page, errors } = await open();
  const route = page.locator('details#prompt');
  expect(await route.getByRole('link', { name: 'Link to POST /api/prompt' }).getAttribute('href')).toBe(
    '#prompt',
  );
  await route.locator('summary').first().click();
  await route.getByText(/codes, each a problem/).click();
  expect(await route.innerText()).toMatch(/too_many_runs\s+429/);
  await route.locator('details.more summary', { hasText: 'Sample' }).first().click();
  const sample = await route.locator('details.more pre').first().innerText();
  expect(JSON.parse(sample)).toMatchObject({ status: 'completed', response: expect.any(String) });
  expect(errors).toEqual([]);
});

test('the samples work when pasted', async () => {
  const { page, home } = await open();
  const key = readFileSync(join(home, 'api/api-key'), 'utf8').trim();
  const folder = temporaryFolder();
  const env = { ...process.env, CODEBUDDY_API_KEY: key, NO_PROXY: '127.0.0.1' };
  const programs = {
    curl: { file: 'sample.sh', program: 'bash', isHere: isInstalled('curl') },
    TypeScript: { file: 'sample.ts', program: process.execPath, isHere: true },
    Python: { file: 'sample.py', program: 'python3', isHere: isInstalled('python3') },
  };
  for (const [id, expected] of [
    ['prompt', '"status":"completed"'],
    ['listRuns', '"runs":['],
    ['getHealth', '"status":"ok"'],
    ['createWebhook', 'whk_'],
  ] as const) {
    const route = page.locator(`details#${id}`);
    await route.locator('summary').first().click();
    for (const [language, { file, program, isHere }] of Object.entries(programs)) {
      await route.getByRole('button', { name: language }).click();
      const text = await route.locator('.example pre').first().innerText();
      if (!isHere) continue;
      writeFileSync(join(folder, file), text);
      const { code, stdout, stderr } = await runProgram([program, join(folder, file)], { env });
      expect(stdout + stderr, `${id} in ${language}:\n${text}`).toContain(expected);
      expect(code).toBe(0);
    }
  }
});

test('a request can be tried with the sign-in of the browser, or with a key', async () => {
  const { page, errors, client, url, home } = await open();
  const route = page.locator('details#prompt');
  await route.locator('summary').first().click();
  await route.getByText('Try it').click();
  // Without a sign-in, a key can be pasted.
  await route.getByLabel('API key').fill('cb_wrong_wrong_wrong');
  await route.getByRole('button', { name: 'Send' }).click();
  await route.getByRole('status').filter({ hasText: /^401/ }).waitFor();
  await route.getByLabel('API key').fill(readFileSync(join(home, 'api/api-key'), 'utf8').trim());
  await route.getByLabel('Body').fill('{"prompt": "help"}');
  await route.getByRole('button', { name: 'Send' }).click();
  await route.getByRole('status').filter({ hasText: /^200/ }).waitFor();
  expect(await route.locator('.try pre').innerText()).toContain('"status": "completed"');

  // Signed in as in the dashboard: a cookie, and the token that is kept for this origin.
  await page.evaluate(async (key) => {
    const answer = await fetch('/api/sign-in', {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}` },
    });
    localStorage.setItem('codebuddy.csrf-token', ((await answer.json()) as { csrfToken: string }).csrfToken);
  }, readFileSync(join(home, 'api/api-key'), 'utf8').trim());
  const { runs } = await client.runs.list();
  await page.goto(`${url}/docs#getRun`);
  await page.reload();
  const run = page.locator('details#getRun');
  await run.getByText('Try it').click();
  await run.getByRole('button', { name: 'Send' }).click();
  expect(await run.getByLabel('API key').count()).toBe(0);
  await run.getByText('id is required.').waitFor();
  await run.getByLabel('id (required)').fill(runs[0]?.id ?? '');
  await run.getByRole('button', { name: 'Send' }).click();
  await run.getByRole('status').filter({ hasText: /^200/ }).waitFor();
  expect(JSON.parse(await run.locator('.try pre').innerText())).toMatchObject({ id: runs[0]?.id });
  expect(errors.filter((text) => !text.includes('401'))).toEqual([]);
});
