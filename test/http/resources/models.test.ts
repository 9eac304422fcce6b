// The models that could answer, over the API.

import { expect, test } from 'vitest';
import { startModelServer } from '../../agent/model-server.ts';
import { says } from '../../agent/start-model-agent.ts';
import { waitFor } from '../../wait-for.ts';
import { startApp } from '../start-app.ts';

const nowhere = { OLLAMA_HOST: '127.0.0.1:9', LMSTUDIO_HOST: '127.0.0.1:9' };

test('the chosen model comes first, then its fallbacks, then those that a prompt may name', async () => {
  const server = await startModelServer(says('hi'));
  const { client } = await startApp({
    config: {
      models: ['local/test-model', 'anthropic/claude-sonnet-5-5'],
      providers: { local: { baseURL: `${server.url}/v1`, apiKey: 'secret-of-provider' } },
    },
    environment: { ...nowhere, OLLAMA_HOST: server.url },
  });
  // A local server that is too slow for one list is in the next.
  const answer = await waitFor('the local server', async () => {
    const list = await client.models.list();
    return list.models.some(({ id }) => id === 'ollama/test-model') && list;
  });
  expect(JSON.stringify(answer)).not.toContain('secret-of-provider');
  expect(answer.reason).toBe('set by config.json models');
  expect(answer.models).toMatchObject([
    { id: 'local/test-model', use: 'default', ready: true, local: true, price: null },
    {
      id: 'anthropic/claude-sonnet-5-5',
      use: 'fallback',
      ready: false,
      detail: "No API key for anthropic: set ANTHROPIC_API_KEY in the server's environment.",
      local: false,
    },
    { id: 'ollama/test-model', use: 'by_name', ready: true, price: { input: 0, output: 0 } },
    { id: 'offline', use: 'by_name', ready: true },
  ]);
  expect(answer.places).toContainEqual({
    provider: 'local',
    where: 'config.json providers.local',
    found: null,
    detail: 'set up; name one of its models as local/NAME',
  });
});

test('prices and context windows are those of the price list', async () => {
  const { client } = await startApp({
    config: { models: ['openai/gpt-4o'] },
    environment: { ...nowhere, OPENAI_API_KEY: 'sk-secret-of-openai' },
  });
  const { models, places } = await client.models.list();
  expect(models[0]).toMatchObject({
    id: 'openai/gpt-4o',
    use: 'default',
    ready: true,
    contextWindow: 128_000,
    price: { input: 2.5, output: 10 },
  });
  expect(places.find(({ provider }) => provider === 'openai')?.detail).toBe('OPENAI_API_KEY is set');
});

test('without a model, the offline agent answers, with the reason', async () => {
  const { client } = await startApp({ environment: nowhere });
  const { models, reason } = await client.models.list();
  expect(models).toMatchObject([{ id: 'offline', use: 'default', detail: reason }]);
});
