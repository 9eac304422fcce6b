// A server that is stopped while it starts stops in order.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { waitFor } from '../wait-for.ts';
import { temporaryFolder } from './run-cli.ts';

test('a stop between the first answer and the end of the start leaves nothing behind', async () => {
  const home = temporaryFolder();
  const { settings } = loadSettings({
    flags: { home, workspace: home, port: '0', models: 'offline' },
    environment: {},
  });
  const app = await createApp(settings, { environment: { PATH: process.env.PATH } });
  let stopping: Promise<void> | undefined;
  app.server.once('start', ({ url }) => {
    // The server answers, and `start` has not returned yet.
    expect(app.url).toBe(url);
    stopping = app.stop();
  });
  await app.start();
  await waitFor('the stop to begin', () => stopping !== undefined);
  await stopping;
  expect(existsSync(join(home, 'api', 'server.json'))).toBe(false);
});
