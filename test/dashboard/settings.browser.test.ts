// The settings with their origins, the models, the keys, the nodes and the theme.

import { expect, test } from 'vitest';
import { violationsOf } from './axe.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();
const nowhere = { OLLAMA_HOST: '127.0.0.1:9', LMSTUDIO_HOST: '127.0.0.1:9' };

test('each setting has its value and origin; the filter is in the address', async () => {
  const { page, faults } = await dashboard.start({
    view: 'settings',
    config: { retentionDays: 7 },
    environment: { CODEBUDDY_API_KEY: 'secret-key-of-the-environment' },
  });
  const row = page.getByRole('row', { name: /^retentionDays/ });
  await row.getByRole('cell', { name: '7', exact: true }).waitFor();
  await row.getByRole('cell', { name: 'config.json retentionDays', exact: true }).first().waitFor();
  await page.getByRole('row', { name: /^apiKey \(set\) CODEBUDDY_API_KEY/ }).waitFor();
  expect(await page.content()).not.toContain('secret-key-of-the-environment');

  await page.getByRole('textbox', { name: 'Filter settings' }).fill('retention');
  await page.getByText(/^1 of \d+ settings$/).waitFor();
  await expect.poll(() => page.url()).toContain('filter=retention');
  await page.reload();
  await page.getByText(/^1 of \d+ settings$/).waitFor();
  expect(faults).toEqual([]);
});

test('the models show which one answers, why, and what is missing', async () => {
  const { page } = await dashboard.start({
    view: 'settings/models',
    config: { models: ['openai/gpt-4o', 'anthropic/claude-sonnet-5-5'] },
    environment: { ...nowhere, OPENAI_API_KEY: 'sk-secret-of-openai' },
  });
  await page
    .getByText('openai/gpt-4o answers prompts that name no model: set by config.json models.')
    .waitFor();
  await page
    .getByRole('row', { name: /openai\/gpt-4o answers .*128K tokens \$2\.50 in, \$10\.00 out/ })
    .waitFor();
  await page.getByRole('row', { name: /fallback No API key for anthropic: set ANTHROPIC_API_KEY/ }).waitFor();
  await page.getByRole('row', { name: /^OPENAI_API_KEY OPENAI_API_KEY is set/ }).waitFor();
});

test('a key is created with scopes, shown once, limited anew, and revoked after a question', async () => {
  const { page, client, url, faults } = await dashboard.start({ view: 'settings/keys' });
  await page.getByText('No keys yet.').waitFor();
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('ci');
  await page.getByRole('checkbox', { name: /^prompt/ }).check();
  await page.getByRole('spinbutton', { name: 'Prompts per minute' }).fill('10');
  await page.getByRole('button', { name: 'Create key' }).click();
  const created = page.getByRole('dialog', { name: 'The key is created' });
  const key = await created.locator('code.secret').innerText();
  const status = async (): Promise<number> =>
    (await fetch(`${url}/api/status`, { headers: { 'x-api-key': key } })).status;
  expect(await status()).toBe(200);
  await created.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('row', { name: /^ci read, prompt 10 prompts/ }).waitFor();
  expect(await page.content()).not.toContain(key);

  const edit = page.getByRole('dialog', { name: 'Limits of ci' });
  const requests = edit.getByRole('spinbutton', { name: 'Requests per minute' });
  const prompts = edit.getByRole('spinbutton', { name: 'Prompts per minute' });
  const save = edit.getByRole('button', { name: 'Save' });
  await page.getByRole('button', { name: 'Limits of ci' }).click();
  await expect.poll(() => prompts.inputValue()).toBe('10');
  await expect.poll(() => save.isDisabled()).toBe(true);
  expect(await violationsOf(page)).toEqual([]);
  await requests.fill('0');
  await save.click();
  await expect.poll(() => requests.evaluate((field) => field.matches(':invalid'))).toBe(true);
  await requests.fill('600');
  await prompts.fill('');
  await save.click();
  await page.getByRole('row', { name: /^ci read, prompt 600 requests \S/ }).waitFor();
  const [stored] = (await client.keys.list()).keys;
  expect(stored?.limits).toEqual({ requestsPerMinute: 600 });

  await page.getByRole('button', { name: 'Revoke ci' }).click();
  const question = page.getByRole('dialog', { name: 'Revoke ci?' });
  await question.getByRole('button', { name: 'Cancel' }).click();
  expect(await status()).toBe(200);
  await page.getByRole('button', { name: 'Revoke ci' }).click();
  await question.getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('No keys yet.').waitFor();
  expect(await status()).toBe(401);
  expect(faults).toEqual([]);
});

test('the nodes page says that a SQLite file has only one node', async () => {
  const { page, url } = await dashboard.start({ view: 'settings/nodes' });
  await page.getByText(/^The only node: the database is a SQLite file/).waitFor();
  await page
    .getByRole('row', { name: /alive 0 events 0 webhooks, 0 runs/ })
    .getByText(url)
    .waitFor();
});

test('the theme is chosen and kept; signing out ends the sign-in', async () => {
  const { page } = await dashboard.start({ view: 'settings/appearance' });
  const themeOf = (): Promise<string | null> => page.locator('html').getAttribute('data-theme');
  await page.getByRole('radio', { name: 'dark' }).check();
  await expect.poll(() => themeOf()).toBe('dark');
  await page.reload();
  await page.getByRole('radio', { name: 'dark', checked: true }).waitFor();
  await expect.poll(() => themeOf()).toBe('dark');
  await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Code Buddy' }).waitFor();
});

test('a key without the scope admin is told so, and sees models and nodes', async () => {
  const app = await dashboard.start();
  const { key } = await app.client.keys.create({ name: 'reader', scopes: ['read'] });
  const { page, show } = await dashboard.open(app, { view: 'settings', credential: key });
  await page.getByRole('alert').getByText('Sign in with a key that has the scope.').waitFor();
  await show('settings/keys');
  const create = page.getByRole('button', { name: 'New key' });
  await create.waitFor();
  await expect.poll(() => create.getAttribute('title')).toBe('Your key lacks the scope "admin".');
  await show('settings/models');
  await page.getByText('offline answers prompts that name no model').waitFor();
});
