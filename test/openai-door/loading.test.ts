// The module of the OpenAI-compatible routes is loaded at their first request, not at the start of the server.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runProgram } from '../run-program.ts';

const src = new URL('../../src/', import.meta.url).href;

/** Prints the modules of src/openai that are loaded before and after the first request to them. */
const program = `
import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({
  load(url, context, next) {
    if (url.includes('/src/openai/')) loaded.push(url);
    return next(url, context);
  },
});
const { createApp } = await import('${src}app.ts');
const { loadSettings } = await import('${src}config/load-settings.ts');
const home = process.argv[1];
const { settings, origins } = loadSettings({
  flags: { home, workspace: home, port: '0' },
  environment: { CODEBUDDY_MODEL: 'offline', CODEBUDDY_API_KEY: 'a-key-for-this-test' },
});
const app = await createApp(settings, { origins });
await app.start();
const headers = { authorization: 'Bearer a-key-for-this-test' };
const status = await fetch(app.url + '/api/status', { headers });
const before = loaded.length;
const models = await fetch(app.url + '/v1/models', { headers });
console.log(JSON.stringify([status.status, before, models.status, loaded.length > 0]));
await app.stop();
`;

test('it is not on the way of a start or of other requests', async () => {
  const home = mkdtempSync(join(tmpdir(), 'codebuddy-loading-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const { stdout, stderr } = await runProgram(
    [process.execPath, '--input-type=module', '-e', program, home],
    { env: { PATH: process.env.PATH, NODE_NO_WARNINGS: '1' } },
  );
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '', undefined), stderr).toEqual([200, 0, 200, true]);
});
