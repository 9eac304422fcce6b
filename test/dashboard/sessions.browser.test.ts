// Sessions: the list, the transcript as it grows, and all actions of a session.

import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { calls, says } from '../agent/start-model-agent.ts';
import { freePort } from '../free-port.ts';
import { atOnce } from './at-once.ts';
import { stopApp } from './restart-app.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();

const transcriptOf = (page: Page) => page.getByRole('list', { name: 'Transcript' });
const answersOf = (page: Page) => transcriptOf(page).getByRole('article', { name: 'Answer' });

test('the list filters by title, in its address, and a prompt opens a session', async () => {
  const { page, client, faults } = await dashboard.start({ view: 'sessions' });
  await page.getByText('No sessions yet').waitFor();
  for (const title of ['Fix the parser', 'Write docs']) await client.sessions.create({ title });
  await page.getByRole('link', { name: /Fix the parser/ }).waitFor();
  await page.getByLabel('Filter by title').fill('DOCS');
  await page.getByRole('link', { name: /Fix the parser/ }).waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: /Write docs/ }).waitFor();
  await expect.poll(() => page.url()).toContain('title=DOCS');
  await page.getByRole('button', { name: 'Clear the filter title' }).click();
  await page.getByRole('link', { name: /Fix the parser/ }).waitFor();

  await page.getByRole('button', { name: 'New prompt' }).click();
  const field = page.getByRole('textbox', { name: 'Prompt' });
  await field.fill('help');
  await field.press('Control+Enter');
  await answersOf(page).getByText('I am the offline agent').waitFor();
  await expect.poll(() => page.title()).toBe('help - Code Buddy');
  expect(faults).toEqual([]);
});

test('a title filter does not mix up the list with the latest sessions of the overview', async () => {
  const { page, client, show, faults } = await dashboard.start();
  for (const title of ['The newest idea', 'Another one']) await client.sessions.create({ title });
  const latest = page.getByRole('region', { name: 'Latest sessions' });
  await latest.getByRole('link', { name: 'Another one' }).waitFor();
  await show('sessions?title=newest');
  await page.getByRole('link', { name: /The newest idea/ }).waitFor();
  await expect.poll(() => page.getByRole('link', { name: /Another one/ }).count()).toBe(0);
  await show('');
  await latest.getByRole('link', { name: 'Another one' }).waitFor();
  expect(faults).toEqual([]);
});

test('reasoning is folded while it streams, in its place, and after a reload', async () => {
  const { page, client, faults, show } = await startWithModel(dashboard, [
    { ...calls('list_directory', {}), reasoning: 'First I **look** around.' },
    { kind: 'answer', reasoning: 'Now I know.', text: ['It is ', 'empty.'], silentAfter: 2 },
  ]);
  const { id: sessionId } = await client.sessions.create({ title: 'Look' });
  await show(`sessions/${sessionId}`);
  await page.getByText('No messages yet').waitFor();
  const run = await client.runs.start({ prompt: 'look', sessionId });
  const transcript = transcriptOf(page);
  const live = transcript.getByRole('article', { name: 'Reasoning' }).filter({ hasText: 'Agent, reasoning' });
  await live.getByText('Now I know.').waitFor();
  await client.runs.cancel(run.id);
  for (const again of [false, true]) {
    if (again) await page.reload();
    const answer = answersOf(page).filter({ hasText: 'It is' });
    await answer.getByRole('button', { name: /Reasoning Now I know/ }).waitFor();
    const first = transcript.getByRole('article', { name: 'Reasoning' });
    await first.getByRole('button', { name: 'Reasoning' }).click();
    await first.getByText('look', { exact: true }).waitFor();
    await expect.poll(() => transcript.getByText('Now I know.').count()).toBe(1);
  }
  expect(faults).toEqual([]);
});

test('a run shows as it happens, and the same after a reload', async () => {
  const edit = { path: 'a.txt', oldText: 'alpha', newText: 'beta' };
  const { page, client, write, faults, show } = await startWithModel(dashboard, [
    calls('read_file', { path: 'a.txt' }, 'I look first.'),
    calls('read_file', { path: 'b.txt' }),
    calls('read_file', { path: 'a.txt' }),
    calls('edit_file', edit),
    says(['It is ', '**changed**', ' now.\n\n```ts\nconst a = "beta";\n```']),
  ]);
  write('a.txt', 'alpha');
  write('b.txt', 'b');
  const session = await client.sessions.create({ title: 'Edits' });
  await show(`sessions/${session.id}`);
  await page.getByText('No messages yet').waitFor();
  await client.prompt({ prompt: 'change it', sessionId: session.id, options: { permissionMode: 'full' } });

  const check = async (): Promise<void> => {
    const list = transcriptOf(page);
    await list.getByText(/^Done in .*4 tool calls.*tokens/).waitFor();
    await expect.poll(() => list.getByRole('button', { name: /^Read 3 times/ }).count()).toBe(1);
    await expect.poll(() => list.getByRole('button', { name: /^edit_file/ }).count()).toBe(1);
    await expect.poll(() => answersOf(page).count()).toBe(2);
    await list.getByRole('button', { name: /^edit_file/ }).click();
    const diff = list.getByRole('figure', { name: 'Change of a.txt' });
    await diff.getByText('+ beta').waitFor();
    await diff.getByText('- alpha').waitFor();
    // What opens moves the rows below it: none is covered.
    await expect
      .poll(async () => {
        const [shown, next] = [await diff.boundingBox(), await answersOf(page).nth(1).boundingBox()];
        return shown !== null && next !== null && next.y >= shown.y + shown.height;
      })
      .toBe(true);
    await expect.poll(() => list.locator('strong', { hasText: 'changed' }).count()).toBe(1);
    await expect.poll(() => list.locator('.string', { hasText: '"beta"' }).count()).toBe(1);
    const side = page.getByRole('complementary');
    await side.getByRole('button', { name: /a\.txt.*\+1.*−1/ }).click();
    await page.getByRole('dialog', { name: 'a.txt' }).getByText('+ beta').waitFor();
    await page.keyboard.press('Escape');
  };
  await check();
  await page.reload();
  await check();
  expect(faults).toEqual([]);
});

test('text shows as it streams; prompts queue meanwhile; Escape twice cancels', async () => {
  const { page, client, show } = await startWithModel(dashboard, [
    { kind: 'answer', text: ['The first ', 'words ', 'and more'], silentAfter: 3 },
    says('Next.'),
  ]);
  const { id: sessionId } = await client.sessions.create({ title: 'Slow' });
  await show(`sessions/${sessionId}`);
  await page.getByText('No messages yet').waitFor();
  await client.runs.start({ prompt: 'slowly', sessionId });
  await transcriptOf(page).getByText('The first words').waitFor();
  const field = page.getByRole('textbox', { name: 'Prompt' });
  await field.fill('and then');
  await page.getByRole('button', { name: 'Queue' }).click();
  await page.getByRole('region', { name: 'Waiting prompts' }).getByText('and then').waitFor();
  await atOnce(page, async () => {
    await field.press('Escape');
    await field.press('Escape');
  });
  await transcriptOf(page)
    .getByText(/The run was cancelled/)
    .waitFor();
  await answersOf(page).getByText('Next.').waitFor();
  await expect.poll(() => page.getByRole('region', { name: 'Waiting prompts' }).count()).toBe(0);
});

test('a draft survives a server that is away and a reload, and is sent once it is back', async () => {
  const app = await dashboard.start({ port: await freePort() });
  const { page, client, show } = app;
  const session = await client.sessions.create({ title: 'Drafts' });
  await show(`sessions/${session.id}`);
  const field = page.getByRole('textbox', { name: 'Prompt' });
  await field.fill('read a.txt');
  await page.reload();
  await expect.poll(() => field.inputValue()).toBe('read a.txt');
  const start = await stopApp(app);
  await page.getByText('reconnecting').waitFor();
  await expect.poll(() => field.inputValue()).toBe('read a.txt');
  await start();
  await page.getByText('live', { exact: true }).waitFor();
  app.write('a.txt', 'alpha');
  await field.press('Control+Enter');
  await answersOf(page).getByText('alpha').waitFor();
  await expect.poll(() => field.inputValue()).toBe('');
});

test('@ completes the files of the workspace', async () => {
  const { page, write, show } = await dashboard.start();
  write('src/alpha.ts', '');
  write('src/beta.ts', '');
  await show('sessions');
  await page.getByRole('button', { name: 'New prompt' }).click();
  const field = page.getByRole('textbox', { name: 'Prompt' });
  await field.pressSequentially('explain @alp');
  await page.getByRole('option', { name: 'src/alpha.ts' }).waitFor();
  await field.press('Enter');
  await expect.poll(() => field.inputValue()).toBe('explain src/alpha.ts ');
});

test('a session is renamed, forked from a message, exported and deleted', async () => {
  const { page, client, show } = await dashboard.start();
  const { sessionId } = await client.prompt({ prompt: 'help' });
  await client.prompt({ prompt: 'list', sessionId });
  await show(`sessions/${sessionId}`);
  await page.getByRole('button', { name: 'Rename' }).click();
  await page.getByLabel('Title').fill('A better name');
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('heading', { name: 'A better name', level: 1 }).waitFor();

  const download = page.waitForEvent('download');
  await page.getByLabel('Export').selectOption('markdown');
  const file = await download;
  expect(file.suggestedFilename()).toBe(`${sessionId}.md`);
  expect(readFileSync(await file.path(), 'utf8')).toContain('A better name');

  await answersOf(page).first().getByRole('button', { name: 'Fork from here' }).click();
  await page.getByRole('link', { name: 'forked from another session' }).waitFor();
  const { sessions } = await client.sessions.list({ forkedFrom: sessionId });
  expect(sessions).toMatchObject([{ messageCount: 2 }]);
  await page.getByRole('link', { name: 'forked from another session' }).click();
  await page.getByRole('complementary').getByText('1 fork').waitFor();

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  expect((await client.sessions.get(sessionId)).id).toBe(sessionId);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete session' }).click();
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  await expect(client.sessions.get(sessionId)).rejects.toMatchObject({ code: 'session_not_found' });
});

test('a failed run says why, and can be resumed', async () => {
  const { page, client, show } = await startWithModel(dashboard, [
    { kind: 'error', status: 400, message: 'No such model.' },
    says('It works.'),
  ]);
  const run = await client.runs.start('try');
  await show(`sessions/${run.sessionId}`);
  await transcriptOf(page)
    .getByText(/The run failed: .*No such model/)
    .waitFor();
  await page.getByRole('button', { name: 'Resume the run' }).click();
  await answersOf(page).getByText('It works.').waitFor();
  await expect
    .poll(() =>
      transcriptOf(page)
        .getByText(/The run failed/)
        .count(),
    )
    .toBe(0);
});
