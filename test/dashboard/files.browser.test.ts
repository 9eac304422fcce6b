// The files: folders, content, what a session has changed, and an undo that is shown before it is done.

import { existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../wait-for.ts';
import { violationsOf } from './axe.ts';
import { useDashboard } from './start-dashboard.ts';

const dashboard = useDashboard();

test('files are opened folder by folder; the changes of a session are shown and undone', async () => {
  const { page, write, client, workspace, faults } = await dashboard.start({ view: 'files' });
  write('sub/inner.txt', 'the content of a file');
  const { sessionId } = await client.prompt({ prompt: 'write made.txt: by the agent' });
  await page.reload();
  const list = page.getByRole('navigation', { name: 'Files' });
  await list.getByRole('link', { name: /^sub/ }).click();
  await list.getByRole('link', { name: /^inner\.txt/ }).click();
  await page.getByText('the content of a file').waitFor();

  await page.evaluate(`location.hash = '#/files?session=${sessionId}'`);
  await page.getByText('+by the agent').waitFor();
  await page.getByRole('button', { name: 'Undo the last prompt' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('removed').waitFor();
  expect(existsSync(join(workspace, 'made.txt'))).toBe(true);
  await dialog.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('The session has changed no files.').waitFor();
  await waitFor('the file is gone', () => !existsSync(join(workspace, 'made.txt')));
  expect(faults).toEqual([]);
});

test('the files of another workspace are chosen, and opened from a session that works there', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codebuddy-app-')));
  const other = join(folder, 'other-with-a-long-name-so-that-it-does-not-fit');
  mkdirSync(join(other, 'inside'), { recursive: true });
  writeFileSync(join(other, 'inside', 'deep.txt'), 'deep in the other one');
  const { page, write, client, workspace, show, faults } = await dashboard.start({
    folder,
    config: { workspaceRoots: [other] },
    view: 'files',
  });
  write('here.txt', 'in the workspace of the server');
  const choice = page.getByLabel('Workspace');
  const list = page.getByRole('navigation', { name: 'Files' });
  await list.getByText('here.txt').waitFor();
  await expect.poll(() => choice.count()).toBe(0);
  const { sessionId } = await client.prompt({
    prompt: 'write there.txt: elsewhere',
    options: { workspace: other },
  });
  await choice.selectOption(other);
  await list.getByRole('link', { name: /^there\.txt/ }).click();
  await page.getByText('elsewhere').waitFor();
  await list.getByRole('link', { name: /^inside/ }).click();
  await list.getByRole('link', { name: /^deep\.txt/ }).click();
  await page.reload();
  await page.getByText('deep in the other one').waitFor();
  await expect.poll(() => choice.inputValue()).toBe(other);
  expect(await violationsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 360, height: 800 });
  await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  await page.setViewportSize({ width: 1280, height: 800 });
  await choice.selectOption(workspace);
  await list.getByText('here.txt').waitFor();

  await show(`files?workspace=${join(folder, 'nowhere')}`);
  await page.getByText(/^No session works in .*nowhere/).waitFor();
  await show(`sessions/${sessionId}`);
  const field = page.getByRole('textbox', { name: 'Prompt' });
  await field.pressSequentially('read @dee');
  await page.getByRole('option', { name: 'inside/deep.txt' }).waitFor();
  await field.press('Enter');
  await page.getByRole('link', { name: /^files in other-with/ }).click();
  await list.getByText('there.txt').waitFor();
  await show(`files?session=${sessionId}`);
  await page.getByRole('link', { name: 'all files' }).click();
  await list.getByText('there.txt').waitFor();
  const ofServer = await client.sessions.create({ title: 'At home' });
  await show(`sessions/${ofServer.id}`);
  await page.getByRole('link', { name: 'files in workspace' }).click();
  await list.getByText('here.txt').waitFor();
  await show('sessions');
  await page.getByRole('button', { name: 'New prompt' }).click();
  await choice.selectOption(other);
  await field.pressSequentially('read @dee');
  await page.getByRole('option', { name: 'inside/deep.txt' }).waitFor();
  expect(faults).toEqual([]);
});
