// Images and files in the prompt box, and in the transcript.

import { expect, test } from 'vitest';
import { png } from '../agent/sample-files.ts';
import { says } from '../agent/start-model-agent.ts';
import { useDashboard } from './start-dashboard.ts';
import { startWithModel } from './start-model-app.ts';

const dashboard = useDashboard();

test('an image is attached or pasted, sent, and shown in the transcript, also after a reload', async () => {
  const { page, model, faults } = await startWithModel(dashboard, says('A pixel.'), { view: 'sessions' });
  await page.getByRole('button', { name: 'New prompt' }).click();
  const field = page.getByRole('textbox', { name: 'Prompt' });
  await page.getByLabel('Images and files').setInputFiles([
    { name: 'dot.png', mimeType: 'image/png', buffer: png },
    { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('some notes') },
  ]);
  await page.getByRole('button', { name: 'notes.txt ×' }).click();
  await page.getByRole('button', { name: 'dot.png ×' }).waitFor();
  // As text: the types of the tests have no browser.
  await page.evaluate(`{
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(${JSON.stringify([...png])})], 'pasted.png', { type: 'image/png' }));
    const paste = { clipboardData: files, bubbles: true, cancelable: true };
    document.querySelector('textarea').dispatchEvent(new ClipboardEvent('paste', paste));
  }`);
  await page.getByRole('button', { name: 'pasted.png ×' }).waitFor();
  await field.fill('what is it?');
  await field.press('Control+Enter');

  const transcript = page.getByRole('list', { name: 'Transcript' });
  await transcript.getByText('A pixel.').waitFor();
  const isDrawn = (name: string): Promise<boolean> =>
    transcript
      .getByRole('img', { name })
      .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth === 1);
  for (const name of ['dot.png', 'pasted.png']) await expect.poll(() => isDrawn(name)).toBe(true);
  await page.reload();
  for (const name of ['dot.png', 'pasted.png']) await expect.poll(() => isDrawn(name)).toBe(true);
  const sent = JSON.stringify(model.requests[0]?.body);
  expect(sent.split(png.toString('base64')).length - 1).toBe(2);
  expect(faults).toEqual([]);
});
