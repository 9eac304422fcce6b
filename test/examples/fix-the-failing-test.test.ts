// The complete example fix-the-failing-test: over HTTP, with permissions requested and granted, seen on a stream and by
// a webhook, with its cost.

import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startScriptedModel } from '../../examples/scripted-model.ts';
import { startApp } from '../http/start-app.ts';
import { waitFor } from '../wait-for.ts';

const project = fileURLToPath(new URL('../../examples/fix-the-failing-test', import.meta.url));

/** The project's own tests, outside of the current test runner. */
function runTests(folder: string): boolean {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  try {
    execFileSync(process.execPath, ['--test'], { cwd: folder, env, stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

test('"Fix the failing test." makes the test pass', async () => {
  const model = await startScriptedModel();
  onTestFinished(() => model.close());
  const { client, workspace } = await startApp({
    config: {
      model: undefined,
      models: ['mistral/mistral-small-latest'],
      providers: { mistral: { baseURL: model.baseURL } },
    },
  });
  cpSync(project, workspace, { recursive: true });
  expect(runTests(workspace)).toBe(false);

  const heard: string[] = [];
  const hook = createServer((request, response) => {
    heard.push(String(request.headers['x-webhook-event']));
    request.resume().on('end', () => response.end());
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    hook.closeAllConnections();
    hook.close();
  });
  const address = hook.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  await client.webhooks.create({
    url: `http://127.0.0.1:${address.port}/`,
    ordered: true,
    events: ['permission.*', 'file.*', 'run.*'],
  });

  const asked: unknown[] = [];
  let sessionId = '';
  let response = '';
  for await (const { type, data, sessionId: session } of client.promptStream({
    prompt: 'Fix the failing test.',
  })) {
    sessionId = session ?? sessionId;
    if (type === 'permission.request') {
      asked.push(data.tool);
      await client.permissions.decide(String(data.permissionId), { decision: 'allow_always' });
    }
    if (type === 'run.complete') response = String(data.response);
  }
  expect(response).toContain('all tests pass');
  // The second run of the tests needs no answer: it was allowed for the session.
  expect(asked).toEqual(['bash', 'edit_file']);
  expect(runTests(workspace)).toBe(true);
  expect(readFileSync(join(workspace, 'src/median.js'), 'utf8')).toContain('left - right');
  await waitFor('the webhook has heard of the end', () => heard.includes('run.complete'));
  expect(heard.filter((type) => type !== 'file.modify')).toEqual([
    'run.queued',
    'permission.request',
    'permission.resolved',
    'permission.request',
    'permission.resolved',
    'run.complete',
  ]);
  expect(heard).toContain('file.modify');
  const session = await client.sessions.get(sessionId);
  expect(session.cost).toBeGreaterThan(0);
  expect(session.usage?.totalTokens).toBeGreaterThan(1000);
});
