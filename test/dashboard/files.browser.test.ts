// The files: folders, content, what a session has changed, and an undo that is shown before it is done.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../wait-for.ts';
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
