// Images and files of prompts, for agents that take them and for agents that do not.

import { expect, test } from 'vitest';
import { png } from '../sample-files.ts';
import { startAcp } from './start-acp.ts';

const parts = [
  { type: 'file' as const, url: 'data:,hello', name: 'a.txt' },
  { type: 'image' as const, url: `data:;base64,${png.toString('base64')}` },
];
const request = { prompt: JSON.stringify([{ say: 'Got it.' }]), options: {}, requestId: 'test' };

test('an agent gets files as text, and images as blocks if it takes them', async () => {
  const acp = await startAcp({ behaviour: { takesImages: true } });
  await (await acp.agent.runs.start({ ...request, parts })).result;
  expect(acp.received('prompt').map(({ content }) => content.rest)).toEqual([
    [
      { type: 'text', text: '<file name="a.txt" type="text/plain">\nhello\n</file>' },
      { type: 'image', mimeType: 'image/png', data: png.toString('base64') },
    ],
  ]);
});

test('an agent that takes no images refuses them before anything starts, at its first prompt, too', async () => {
  const acp = await startAcp();
  await expect(acp.agent.runs.start({ ...request, parts })).rejects.toMatchObject({
    code: 'not_supported_by_agent',
    errors: [{ pointer: '/parts/1' }],
  });
  expect(await acp.events()).toEqual([]);
  const [file] = parts;
  await (await acp.agent.runs.start({ ...request, parts: file === undefined ? [] : [file] })).result;
  expect(acp.received('prompt')).toHaveLength(1);
});
