// examples/working-day.ts as a process, with a real server and a scripted model.

import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startScriptedModel } from '../../examples/scripted-model.ts';
import { startApp } from '../http/start-app.ts';
import { runProgram } from '../run-program.ts';
import { example } from './start-example.ts';

test('a working day: the task is done, its permissions are answered by the receiver, and it is reviewed', async () => {
  const model = await startScriptedModel();
  onTestFinished(() => model.close());
  const { client, home, url, workspace } = await startApp({
    config: { models: ['script/mender'], providers: { script: { baseURL: model.baseURL } } },
  });
  cpSync(example('fix-the-failing-test'), workspace, { recursive: true });
  const { code, stdout, stderr } = await runProgram([process.execPath, example('working-day.ts')], {
    env: { ...process.env, CODEBUDDY_HOME: home, CODEBUDDY_URL: url },
  });
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(
    /^Morning: Fix the failing test\.\n.*allowed: bash node --test\n.*allowed: edit_file src\/median\.js\n.*Fixed: .*\nAfternoon: a review\n.*\nChanged: src\/median\.js\n.*undone: src\/median\.js\nEvening: \d+ tokens, \$0\n$/s,
  );
  expect(readFileSync(join(workspace, 'src/median.js'), 'utf8')).toContain('left - right');
  expect((await client.webhooks.list()).webhooks).toEqual([]);
  expect((await client.sessions.list()).sessions).toHaveLength(2);
});
