// Other coding agents in the dashboard: which are there, choosing one for a session, and their plan.

import { expect, test } from 'vitest';
import { fakePrograms } from '../agent/acp/fake-programs.ts';
import type { Step } from '../agent/acp/script.ts';
import { script } from '../agent/acp/script.ts';
import { acpConfig } from '../agent/acp/start-acp.ts';
import { temporaryFolder } from '../agent/start-agent.ts';
import { violationsOf } from './axe.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

/** A machine with `claude-agent-acp` (nobody is signed in) and `codex-acp` (somebody is). */
function machine(): NodeJS.ProcessEnv {
  const { bin, home, keep } = fakePrograms('claude-agent-acp', 'codex-acp');
  keep('.codex/auth.json', '{"token":"secret-of-codex"}');
  return { PATH: `${bin}:${process.env.PATH}`, HOME: home };
}

function scripted() {
  const agents = acpConfig(temporaryFolder(), { models: ['small', 'big'] }, { title: 'Scripted agent' });
  return { watch: false, agents };
}

const hello = script({ say: 'Hello from the scripted agent.' });

function plan(...statuses: readonly string[]): Step {
  const entries = statuses.map((status, index) => ({
    content: `Step ${index + 1}`,
    status,
    priority: 'medium',
  }));
  return { update: { sessionUpdate: 'plan', entries } };
}

test('the settings list the agents with their status, how to sign in, and what each can do', async () => {
  const { page, faults } = await dashboard.start({ view: 'settings/agents', environment: machine() });
  await page.getByText('builtin answers new sessions that name no agent.').waitFor();
  await page.getByText('8 agents, 3 found').waitFor();
  const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) });
  await row('codex').getByText('ready', { exact: true }).waitFor();
  await row('claude')
    .getByText(process.platform === 'darwin' ? 'found' : 'not signed in', { exact: true })
    .waitFor();
  // Commands are shown as such.
  await row('claude').locator('code', { hasText: '/login' }).waitFor();
  await row('claude').getByText('not: system prompt, step limit').waitFor();
  await row('claude').getByText('known after its first answer: token limit, cost limit').waitFor();
  await row('gemini').getByText('npm install --global @google/gemini-cli').waitFor();
  expect(await page.content()).not.toContain('secret-of-codex');
  expect(faults).toEqual([]);
});

test('a new prompt chooses an agent, which is remembered; its session shows it and stays with it', async () => {
  const { page, client, show, faults } = await dashboard.start({ view: 'sessions', config: scripted() });
  await page.getByRole('button', { name: 'New prompt' }).click();
  await page.getByRole('combobox', { name: 'Agent', exact: true }).selectOption('scripted');
  await page.getByRole('textbox', { name: 'Prompt' }).fill(hello);
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Hello from the scripted agent.', { exact: true }).waitFor();
  await page.getByText('agent scripted', { exact: true }).waitFor();
  const { sessions } = await client.sessions.list();
  expect(sessions).toMatchObject([{ agent: 'scripted' }]);
  // The next prompt has no choice; what the agent cannot do is disabled, with the reason.
  await expect.poll(() => page.getByRole('combobox', { name: 'Agent', exact: true }).count()).toBe(0);
  const budget = page.getByRole('spinbutton');
  await expect.poll(() => budget.isDisabled()).toBe(true);
  await page.getByTitle('Scripted agent does not report costs.').waitFor();

  await show('sessions');
  await page.getByRole('combobox', { name: 'Filter by agent' }).selectOption('builtin');
  await page.getByText('No session of builtin.').waitFor();
  await page.getByRole('button', { name: 'Clear the filter agent' }).click();
  await page.getByRole('link', { name: /scripted/ }).waitFor();
  await page.getByRole('button', { name: 'New prompt' }).click();
  await expect
    .poll(() => page.getByRole('combobox', { name: 'Agent', exact: true }).inputValue())
    .toBe('scripted');
  expect(faults).toEqual([]);
});

test('the first steps offer the agents of the machine; one click selects one', async () => {
  const { page, client, faults } = await dashboard.start({
    config: scripted(),
    environment: machine(),
  });
  const card = page.getByRole('region', { name: '1. Connect a model or an agent' });
  const found = card.getByRole('list', { name: 'Agents on this machine' });
  await found
    .getByRole('listitem')
    .filter({ hasText: 'Codex' })
    .getByText('ready', { exact: true })
    .waitFor();
  await found.getByRole('button', { name: 'Use Scripted agent' }).click();
  await found.getByRole('button', { name: 'Using Scripted agent', pressed: true }).waitFor();
  await card.getByText('done', { exact: true }).waitFor();
  await expect
    .poll(() => page.getByRole('combobox', { name: 'Agent', exact: true }).inputValue())
    .toBe('scripted');
  await page.getByRole('textbox', { name: 'Prompt' }).fill(hello);
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Hello from the scripted agent.', { exact: true }).waitFor();
  expect((await client.sessions.list()).sessions).toMatchObject([{ agent: 'scripted' }]);
  expect(faults).toEqual([]);
});

test('without another agent, there is nothing to choose, and the first steps say so', async () => {
  const { page } = await dashboard.start({ environment: { PATH: temporaryFolder() } });
  await page.getByText('No other agent, such as Claude Code or Codex, was found on this machine.').waitFor();
  await page.getByRole('textbox', { name: 'Prompt' }).waitFor();
  await expect.poll(() => page.getByRole('combobox', { name: 'Agent', exact: true }).count()).toBe(0);
});

test('the plan of the agent is beside the transcript, and follows it', async () => {
  const { page, client, show, faults } = await dashboard.start({ config: scripted() });
  const first = await client.prompt({
    prompt: script(plan('in_progress', 'pending'), { say: 'I begin.' }),
    options: { agent: 'scripted' },
  });
  await show(`sessions/${first.sessionId}`);
  const side = page.getByRole('region', { name: 'Plan' });
  await side.getByRole('heading', { name: 'Plan: 0 of 2 done' }).waitFor();
  await side.getByText('Step 1 (in progress)').waitFor();
  await client.prompt({
    prompt: script(plan('completed', 'in_progress'), { say: 'I go on.' }),
    sessionId: first.sessionId,
  });
  await side.getByRole('heading', { name: 'Plan: 1 of 2 done' }).waitFor();
  await side.getByText('Step 1 (done)').waitFor();
  expect(faults).toEqual([]);
});

test('a main button keeps its color under the pointer', async () => {
  const { page } = await dashboard.start({ view: 'sessions' });
  const button = page.getByRole('button', { name: 'New prompt' });
  const color = (): Promise<string> =>
    page.evaluate<string>("getComputedStyle(document.querySelector('button.main')).backgroundColor");
  await button.waitFor();
  const before = await color();
  await button.hover();
  await expect.poll(() => color()).toBe(before);
});

test.each(['light', 'dark'] as const)('the pages of agents pass axe and fit a phone: %s', async (theme) => {
  const { agents, ...rest } = scripted();
  // A command whose path is wider than a phone.
  const long = { command: `/opt/${'agents'.repeat(20)}/agent` };
  const config = { ...rest, agents: { ...agents, long } };
  const app = await dashboard.start({ config, environment: machine(), theme, width: 360 });
  const { page, client, show, settled } = app;
  const check = async (view: string): Promise<void> => {
    await settled();
    expect([view, await violationsOf(page)]).toEqual([view, []]);
    expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([view, 360]);
  };
  await page.getByRole('list', { name: 'Agents on this machine' }).waitFor();
  await check('first steps');
  await show('settings/agents');
  await page.getByRole('row', { name: /^codex / }).waitFor();
  await check('settings/agents');
  const { sessionId } = await client.prompt({
    prompt: script(plan('completed', 'in_progress', 'pending'), { say: 'Hello.' }),
    options: { agent: 'scripted' },
  });
  await show(`sessions/${sessionId}`);
  await page.getByRole('region', { name: 'Plan' }).waitFor();
  await check('session');
  await show('sessions');
  await page.getByRole('button', { name: 'New prompt' }).click();
  await page.getByRole('combobox', { name: 'Agent', exact: true }).waitFor();
  await check('sessions');
});
