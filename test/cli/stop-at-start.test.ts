// A server that is stopped while it starts stops cleanly.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createApp } from '../../src/app.ts';
import { loadSettings } from '../../src/config/load-settings.ts';
import { freePort } from '../free-port.ts';
import { databaseSetting } from '../postgres/test-store.ts';
import { waitFor } from '../wait-for.ts';
import { start, temporaryFolder } from './run-cli.ts';

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

test('SIGTERM right after the first answer of codebuddy serve ends it with exit code 0 and no error', async () => {
  const home = temporaryFolder();
  // The test must know the port before the server prints it.
  const port = await freePort();
  const { child, output, finished } = start(
    home,
    ['serve', '--port', String(port), '--workspace', home],
    await databaseSetting(home),
  );
  // Before the server prints its URL.
  await waitFor(
    'the first answer',
    async () => (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.status === 200,
    () => output,
  );
  child.kill('SIGTERM');
  const { code, stderr } = await finished;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stderr).not.toMatch(/error|codebuddy:|"level":(40|50|60)/i);
  expect(existsSync(join(home, 'api', 'server.json'))).toBe(false);
});
