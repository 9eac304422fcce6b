// What an agent says and does in a turn, as clients see it.

import { expect, test } from 'vitest';
import { startAcp } from './start-acp.ts';

test('an agent answers a prompt', async () => {
  const acp = await startAcp();
  const result = await acp.play([{ say: 'Hello, ' }, { say: 'world.' }]);
  expect(result).toMatchObject({
    response: 'Hello, world.',
    model: 'scripted',
    finishReason: 'stop',
    usage: null,
  });
});
