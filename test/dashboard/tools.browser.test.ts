// The tools: a form from the schema, a run, a result.

import { expect, test } from 'vitest';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

test('a tool is chosen, filled in and run; its result is shown in place', async () => {
  const { page, write, faults } = await dashboard.start({ view: 'tools' });
  write('README.md', '# The readme of the test');
  const list = page.getByRole('navigation', { name: 'Tools' });
  await page.getByRole('textbox', { name: 'Filter by name or description' }).fill('read');
  await list.getByRole('link', { name: /^read_file/ }).click();
  const form = page.getByRole('form', { name: 'Run read_file' });
  await form.getByRole('textbox', { name: /^path/ }).fill('README.md');
  await form.getByRole('button', { name: 'Run' }).click();
  const result = page.getByRole('region', { name: 'Result' }).first();
  await result.getByText('# The readme of the test').waitFor();
  // The address holds the tool, and the tab what was entered.
  await page.reload();
  await expect.poll(() => form.getByRole('textbox', { name: /^path/ }).inputValue()).toBe('README.md');
  expect(faults).toEqual([]);
});

test('a refused parameter is shown at its field, and another failure with its reason', async () => {
  const { page } = await dashboard.start({ view: 'tools/read_file' });
  const form = page.getByRole('form', { name: 'Run read_file' });
  await form.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('region', { name: 'Result' }).getByRole('alert').waitFor();
  await form.getByRole('textbox', { name: /^path/ }).fill('missing.md');
  await form.getByRole('button', { name: 'Run' }).click();
  await page
    .getByRole('region', { name: 'Result' })
    .getByText(/missing\.md/)
    .waitFor();
});

test('the parameters can be given as JSON; text that is not an object is refused', async () => {
  const { page, write } = await dashboard.start({ view: 'tools/list_directory' });
  write('one.txt', '1');
  const form = page.getByRole('form', { name: 'Run list_directory' });
  await form.getByRole('checkbox', { name: 'as JSON' }).check();
  const parameters = form.getByRole('textbox', { name: 'Parameters' });
  await parameters.fill('[1]');
  await form.getByText('The parameters must be an object, such as {"path": "README.md"}.').waitFor();
  await expect.poll(() => form.getByRole('button', { name: 'Run' }).isDisabled()).toBe(true);
  await parameters.fill('{"path": "."}');
  await form.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('region', { name: 'Result' }).first().getByText('one.txt').waitFor();
});

test('a key without the scope tools sees the tools, and cannot run them', async () => {
  const app = await dashboard.start();
  const { key } = await app.client.keys.create({ name: 'reader', scopes: ['read'] });
  const { page } = await dashboard.open(app, { view: 'tools/glob', credential: key });
  const run = page.getByRole('form', { name: 'Run glob' }).getByRole('button', { name: 'Run' });
  await run.waitFor();
  await expect.poll(() => run.isDisabled()).toBe(true);
  await expect.poll(() => run.getAttribute('title')).toBe('Your key lacks the scope "tools".');
});
