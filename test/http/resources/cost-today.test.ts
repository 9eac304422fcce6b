// The cost of today in the status.

import { expect, test } from 'vitest';
import { startModelServer } from '../../agent/model-server.ts';
import { says } from '../../agent/start-model-agent.ts';
import { startApp } from '../start-app.ts';

test('the status has the cost of today', async () => {
  const server = await startModelServer({ ...says('hi'), usage: { input: 100_000, output: 18_750 } });
  const { client } = await startApp({
    config: { models: ['openai/gpt-4.1'] },
    environment: { OPENAI_API_KEY: 'sk-of-the-test', OPENAI_BASE_URL: `${server.url}/v1` },
  });
  expect((await client.status()).costToday).toBe(0);
  await client.prompt('hello');
  await client.prompt('hello');
  // $0.35 a run. On PostgreSQL, the runs of all nodes are added up at most every 10 s.
  await expect.poll(async () => (await client.status()).costToday).toBeCloseTo(0.7);
});
