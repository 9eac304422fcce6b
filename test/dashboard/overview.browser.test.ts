// The overview: the first steps, the figures, and what needs a person.

import { expect, test } from 'vitest';
import { startModelServer } from '../agent/model-server.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();
const nowhere = { OLLAMA_HOST: '127.0.0.1:9', LMSTUDIO_HOST: '127.0.0.1:9' };

test('without a session, three cards show the first steps; they go away after the first prompt', async () => {
  const { page, faults } = await dashboard.start({ environment: nowhere });
  await page.getByText('Nothing needs you.').waitFor();
  const steps = page.getByRole('region', { name: 'First steps' });
  const model = steps.getByRole('region', { name: '1. Connect a model' });
  await model.getByText('No API key of a provider and no local model server was found.').waitFor();
  await model.getByRole('button', { name: 'Copy ollama serve' }).waitFor();
  const event = steps.getByRole('region', { name: '3. Receive an event' });
  await event.getByText('codebuddy webhooks listen').waitFor();

  await steps.getByRole('textbox', { name: 'Prompt' }).fill('list *.md');
  await steps.getByRole('button', { name: 'Send' }).click();
  await page.waitForURL(/#\/sessions\/ses_/);
  await page.getByRole('link', { name: 'Overview' }).click();
  const latest = page.getByRole('region', { name: 'Latest sessions' });
  await latest.getByRole('link', { name: 'list *.md' }).waitFor();
  await expect.poll(() => steps.count()).toBe(0);
  expect(faults).toEqual([]);
});

test('a model that was found and a webhook are shown as done', async () => {
  const { page, client } = await dashboard.start({
    config: { models: ['anthropic/claude-sonnet-5-5'] },
    environment: { ...nowhere, ANTHROPIC_API_KEY: 'key-of-the-test' },
  });
  const model = page.getByRole('region', { name: '1. Connect a model' });
  await model.getByText('anthropic/claude-sonnet-5-5 answers: set by config.json models.').waitFor();
  await model.getByText('done', { exact: true }).waitFor();
  await client.webhooks.create({ url: 'http://127.0.0.1:20201/', events: ['webhook.test'] });
  await page.reload();
  await page
    .getByRole('region', { name: '3. Receive an event' })
    .getByText('done', { exact: true })
    .waitFor();
});

test('permissions that wait, failed runs and failing webhooks need a person, until they are settled', async () => {
  const model = await startModelServer(({ messages }) => {
    if (messages.some(({ text }) => text.includes('fail'))) return { kind: 'error', status: 401 };
    return messages.at(-1)?.text === 'ask' ? calls('bash', { command: 'true' }) : says('Done.');
  });
  const { page, client } = await dashboard.start({
    config: { models: ['local/m'], providers: { local: { baseURL: `${model.url}/v1` } }, watch: false },
  });
  await page.getByText('Nothing needs you.').waitFor();
  const needs = page.getByRole('region', { name: 'Needs you' });

  const failed = await client.runs.start({ prompt: 'fail' });
  await needs.getByRole('link', { name: /^Run "fail": / }).waitFor();
  await client.runs.start({ prompt: 'ask' });
  await needs.getByRole('link', { name: '1 permission: bash' }).click();
  await page.waitForURL(/#\/permissions$/);
  await page.getByRole('button', { name: 'Deny' }).click();
  await page.getByRole('link', { name: 'Overview' }).click();
  await needs.getByRole('link', { name: /^Run "fail": / }).waitFor();
  await expect.poll(() => needs.getByRole('link', { name: /permission/ }).count()).toBe(0);

  // A later run of the session follows the failed one.
  await client.sessions.delete(failed.sessionId);
  await client.runs.start({ prompt: 'hello' });
  await page.getByText('Nothing needs you.').waitFor();

  const { id } = await client.webhooks.create({
    url: `${model.url}/no-such-path`,
    name: 'build server',
    events: ['webhook.test', 'run.complete'],
    retryCount: 0,
  });
  await client.webhooks.test(id);
  // No event says that a webhook fails: the page sees it at the next event.
  await expect.poll(async () => (await client.status()).webhooks.attention).toMatchObject([{ id }]);
  await client.runs.start({ prompt: 'hello' });
  await needs.getByRole('link', { name: /^Webhook build server: / }).waitFor();
});

test('the figures change with events, each has a line, and their sum of costs is in dollars', async () => {
  const server = await startModelServer({ ...says('hi'), usage: { input: 100_000, output: 18_750 } });
  const { page, client, faults } = await dashboard.start({
    config: { models: ['openai/gpt-4.1'] },
    environment: { OPENAI_API_KEY: 'sk-of-the-test', OPENAI_BASE_URL: `${server.url}/v1` },
  });
  const figures = page.getByRole('region', { name: 'Figures' });
  await figures.getByRole('img', { name: 'Cost today over time; now $0.00' }).waitFor();
  // $0.35 a run.
  await client.runs.start({ prompt: 'hello' });
  await figures.getByRole('img', { name: 'Cost today over time; now $0.35' }).waitFor();
  await figures.getByText(/^p95 up to [\d.]+ m?s/).waitFor();
  await expect.poll(() => figures.locator('canvas').count()).toBe(4);
  expect(faults).toEqual([]);
});
