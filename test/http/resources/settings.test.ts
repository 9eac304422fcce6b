// The settings over the API: all of them, with their origins and without secrets.

import { expect, test } from 'vitest';
import { settingRules } from '../../../src/config/setting-rules.ts';
import { startApp } from '../start-app.ts';

test('settings have their value, their origin, and the names that set them', async () => {
  const { client, workspace } = await startApp({ config: { retentionDays: 7 } });
  const { settings } = await client.settings.list();
  expect(settings.map(({ name }) => name).sort()).toEqual(Object.keys(settingRules).sort());
  expect(settings).toContainEqual({
    name: 'retentionDays',
    value: 7,
    origin: 'config.json retentionDays',
    about: 'How many days events, and the files of prompts, are kept.',
    flag: null,
    variable: null,
    field: 'retentionDays',
  });
  expect(settings).toContainEqual({
    name: 'workspace',
    value: workspace,
    origin: '--workspace',
    about: 'The folder that tools may read and change.',
    flag: '--workspace',
    variable: 'CODEBUDDY_WORKSPACE',
    field: 'workspace',
  });
  expect(settings).toContainEqual(
    expect.objectContaining({ name: 'host', value: '127.0.0.1', origin: 'default' }),
  );
});

test('settings show no secret', async () => {
  const { client } = await startApp({
    config: {
      providers: { local: { baseURL: 'http://127.0.0.1:9/v1', apiKey: 'secret-of-provider' } },
      mcpServers: { files: { command: 'files', env: { TOKEN: 'secret-of-server' } } },
      agents: { claude: { env: { ANTHROPIC_API_KEY: 'secret-of-agent' } } },
      webhookProxy: 'http://user:secret-of-proxy@127.0.0.1:9',
    },
    environment: { CODEBUDDY_API_KEY: 'secret-key-of-the-environment' },
  });
  const { settings } = await client.settings.list();
  expect(JSON.stringify(settings)).not.toContain('secret');
  const values = Object.fromEntries(settings.map(({ name, value }) => [name, value]));
  expect(values).toMatchObject({
    apiKey: '(set)',
    providers: ['local'],
    mcpServers: ['files'],
    agents: ['claude'],
    webhookProxy: 'http://***@127.0.0.1:9/',
  });
});
