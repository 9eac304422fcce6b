// The inbox of permissions: the questions, and the ways to answer them.

import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { InboxItem } from '../../src/client/index.ts';
import type { DecideReply } from '../agent/model-server-types.ts';
import { calls, says } from '../agent/start-model-agent.ts';
import { atOnce } from './at-once.ts';
import { violationsOf } from './axe.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();

/** Runs the prompt as a command, and then ends. */
const runThePrompt: DecideReply = ({ messages }) => {
  const last = messages.at(-1);
  return last?.role === 'user' ? calls('bash', { command: last.text }) : says('Done.');
};
const cardsOf = (page: Page) => page.getByRole('article', { name: /^Permission for/ });

async function openInbox(commands: readonly string[], view = 'permissions') {
  const app = await startWithModel(dashboard, runThePrompt, { view });
  const runs = [];
  for (const [index, prompt] of commands.entries()) {
    runs.push(await app.client.runs.start({ prompt, options: { permissionMode: 'ask' } }));
    await cardsOf(app.page).nth(index).waitFor();
  }
  return { ...app, runs };
}

async function decisions({ client }: Awaited<ReturnType<typeof openInbox>>) {
  const { events } = await client.events.list({ type: 'permission.resolved' });
  return events.map(({ data }) => data as { decision: string; reason?: string });
}

test('a permission is allowed, and another denied with a reason that the agent reads', async () => {
  const app = await openInbox(['echo one', 'echo two']);
  const { page, client, runs, faults } = app;
  await expect.poll(() => page.title()).toBe('(2) Permissions - Code Buddy');
  await page.getByRole('link', { name: /Permissions.*2 waiting/ }).waitFor();
  await cardsOf(page)
    .filter({ hasText: 'echo two' })
    .getByLabel(/^Reason/)
    .fill('Not today.');
  await cardsOf(page).filter({ hasText: 'echo two' }).getByRole('button', { name: /^Deny/ }).click();
  await expect.poll(() => cardsOf(page).count()).toBe(1);
  await cardsOf(page)
    .getByRole('button', { name: /^Allow once/ })
    .click();
  await page.getByText('No pending permissions').waitFor();
  await expect.poll(() => page.title()).toBe('Permissions - Code Buddy');
  expect(await decisions(app)).toMatchObject([
    { decision: 'deny', reason: 'Not today.' },
    { decision: 'allow' },
  ]);
  for (const { id } of runs)
    await expect.poll(async () => (await client.runs.get(id)).status).toBe('completed');
  expect(faults).toEqual([]);
});

test('every character of a command is visible', async () => {
  const { page } = await openInbox(['echo a\u202eb \u200b\u00a0c\u{e0041}']);
  const command = cardsOf(page).getByRole('figure', { name: 'The command' });
  await expect.poll(() => command.innerText()).toBe('echo aU+202Eb U+200BU+00A0cU+E0041');
  await expect.poll(() => command.getByTitle('An invisible character').count()).toBe(4);
});

test('the keys answer the marked card only, once it was seen', async () => {
  const app = await openInbox(['echo one', 'echo two']);
  const { page } = app;
  const marked = page.locator('.has-keys');
  await marked.filter({ hasText: 'echo one' }).waitFor();
  await atOnce(page, async () => {
    await page.keyboard.press('a');
    // The next question takes the place of the first. The same key, pressed again at once, does not answer it.
    await expect.poll(() => cardsOf(page).count()).toBe(1);
    await page.clock.runFor(200);
    await page.keyboard.press('a');
  });
  await marked.filter({ hasText: 'echo two' }).waitFor();
  await expect.poll(async () => (await decisions(app)).length).toBe(1);
  await page.keyboard.press('d');
  await expect.poll(() => cardsOf(page).count()).toBe(0);
  expect((await decisions(app)).map(({ decision }) => decision)).toEqual(['allow', 'deny']);
});

test('a card closes when it is answered elsewhere or its run ends', async () => {
  const { page, client, runs } = await openInbox(['echo one', 'echo two']);
  const { permissions } = await client.permissions.list();
  await client.permissions.decide(permissions[0]?.id ?? '', { decision: 'allow' });
  await expect.poll(() => cardsOf(page).count()).toBe(1);
  await client.runs.cancel(runs[1]?.id ?? '');
  await page.getByText('No pending permissions').waitFor();
});

test('a card shows in its session, too, and needs the scope to be answered', async () => {
  const app = await openInbox(['echo one']);
  const { sessionId } = app.runs[0] ?? { sessionId: '' };
  await cardsOf(app.page)
    .getByRole('link', { name: /^session/ })
    .click();
  await app.page.getByText('The run is waiting for your answer.').waitFor();
  await cardsOf(app.page)
    .getByText(/^denied in \d min/)
    .waitFor();
  const { key } = await app.client.keys.create({ name: 'reader', scopes: ['read'] });
  const reader = await dashboard.open(app, { credential: key, view: `sessions/${sessionId}` });
  const allow = cardsOf(reader.page).getByRole('button', { name: /^Allow once/ });
  await allow.waitFor();
  await expect.poll(() => allow.isDisabled()).toBe(true);
  await expect.poll(() => allow.getAttribute('title')).toContain('"tools"');
});

test('an edit is asked about as a diff', async () => {
  const edit = { path: 'a.txt', oldText: 'alpha', newText: 'beta\u200b' };
  const app = await startWithModel(dashboard, [
    calls('read_file', { path: 'a.txt' }),
    calls('edit_file', edit),
    says('Done.'),
  ]);
  app.write('a.txt', 'alpha');
  await app.client.runs.start({ prompt: 'change it', options: { permissionMode: 'ask' } });
  await app.show('permissions');
  const diff = cardsOf(app.page).getByRole('figure', { name: 'Change of a.txt' });
  await diff.getByText('- alpha').waitFor();
  await expect.poll(() => diff.innerText()).toContain('+ betaU+200B');
});

test('a question of the agent is answered with a choice, and another one with a text', async () => {
  const { page, client, faults } = await startWithModel(dashboard, says(''), { view: 'permissions' });
  const options = { model: 'offline' };
  const first = await client.runs.start({ prompt: 'ask Deploy now? [yes | no]', options });
  const second = await client.runs.start({
    prompt: 'ask Which host?',
    options: { ...options, permissionTimeoutMs: null },
  });
  const cards = page.getByRole('article', { name: 'The agent asks' });
  await cards
    .filter({ hasText: 'Deploy now?' })
    .getByText(/unanswered in/)
    .waitFor();
  await cards.filter({ hasText: 'Which host?' }).getByText('waits for ever').waitFor();
  await cards.filter({ hasText: 'Deploy now?' }).getByRole('button', { name: 'no', exact: true }).click();
  await cards.filter({ hasText: 'Which host?' }).getByLabel('Your answer').fill('example.org');
  await cards.filter({ hasText: 'Which host?' }).getByRole('button', { name: 'Answer' }).click();
  await page.getByText('No pending permissions').waitFor();
  for (const [{ id }, answer] of [
    [first, 'no'],
    [second, 'example.org'],
  ] as const)
    await expect.poll(async () => (await client.runs.get(id)).response).toBe(`You answered: ${answer}`);
  expect(faults).toEqual([]);
});

test('calls of tools of callers are answered with JSON, a text or an error, and close when answered elsewhere', async () => {
  const { page, client, show, faults } = await startWithModel(dashboard, says(''), { view: 'permissions' });
  const tool = { description: 'For this test.', schema: { type: 'object' } };
  const start = (name: string) =>
    client.runs.start({
      prompt: `call ${name} {"of": "${name}"}`,
      tools: [{ ...tool, name }],
      options: { model: 'offline' },
    });
  const cardOf = (name: string) => page.getByRole('article', { name: `Call of ${name}` });
  const answers = { json: '{"celsius": 21}', text: 'warm', error: 'No such city.' };
  const runs = { json: await start('json'), text: await start('text'), error: await start('error') };
  const buttons = { json: 'Give as JSON', text: 'Give as text', error: 'Fail with this error' };
  for (const name of ['json', 'text', 'error'] as const) {
    const card = cardOf(name);
    await card.getByText(`"of": "${name}"`).waitFor();
    if (name === 'json') {
      await card.getByText(/^failed in \d min/).waitFor();
      await card.getByLabel('Result or error').fill('{"celsius": 21');
      await card.getByRole('button', { name: buttons.json }).click();
      await card.getByText(/^This is not valid JSON/).waitFor();
      expect(await violationsOf(page)).toEqual([]);
    }
    await card.getByLabel('Result or error').fill(answers[name]);
    await card.getByRole('button', { name: buttons[name] }).click();
    await card.waitFor({ state: 'detached' });
    await expect.poll(async () => (await client.runs.get(runs[name].id)).status).toBe('completed');
  }
  const { events } = await client.events.list({ type: 'tool.*' });
  const results = events.flatMap(({ data }) => ('result' in data ? [data.result] : []));
  expect(results).toEqual([{ celsius: 21 }, 'warm']);
  expect(events.flatMap(({ data }) => ('message' in data ? [data.message] : []))).toEqual(['No such city.']);

  const [given, failed, cancelled, late] = [
    await start('given'),
    await start('failed'),
    await start('cancelled'),
    await start('late'),
  ];
  const pending = async () => (await client.inbox.list({ kind: 'tool_call' })).items.map(callOf);
  for (const name of ['given', 'failed', 'cancelled', 'late']) await cardOf(name).waitFor();
  const callsOf = await pending();
  const idOf = (runId: string) => callsOf.find((call) => call?.runId === runId)?.id ?? '';
  // The closed cards keep their places while the pointer is over the list, so that the others do not move.
  await cardOf('late').getByLabel('Result or error').fill('too late');
  await cardOf('late').hover();
  const place = async () => (await cardOf('late').boundingBox())?.y;
  const before = await place();
  await client.inbox.giveResult(idOf(given.id), { result: 1 });
  await page.getByText('given: answered.').waitFor();
  await client.inbox.giveResult(idOf(failed.id), { error: 'no' });
  await page.getByText('failed: failed.').waitFor();
  await client.runs.cancel(cancelled.id);
  await page.getByText('cancelled: no longer waiting.').waitFor();
  await expect.poll(place).toBe(before);
  await expect.poll(() => cardOf('late').getByLabel('Result or error').inputValue()).toBe('too late');

  await show(`sessions/${late.sessionId}`);
  await cardOf('late').getByLabel('Result or error').fill('done');
  await cardOf('late').getByRole('button', { name: 'Give as text' }).click();
  await page.getByText(/^Done in/).waitFor();
  expect(faults).toEqual([]);
});

const callOf = (item: InboxItem) => (item.kind === 'tool_call' ? item.toolCall : undefined);
