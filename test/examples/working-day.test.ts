// examples/working-day.ts as a process, with a real server and a scripted model.

import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startScriptedModel } from '../../examples/scripted-model.ts';
import { startApp } from '../http/start-app.ts';
import { runProgram } from '../run-program.ts';
import { example } from './start-example.ts';

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

test('a working day: worktree, screenshot, question, steering, review, undo and redo', async () => {
  const model = await startScriptedModel();
  onTestFinished(() => model.close());
  const { client, home, url, workspace } = await startApp({
    config: { models: ['script/mender'], providers: { script: { baseURL: model.baseURL } } },
  });
  cpSync(example('fix-the-failing-test'), workspace, { recursive: true });
  const author = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    [...author, 'commit', '-q', '-m', 'first'],
  ])
    execFileSync('git', args, { cwd: workspace });
  const screenshot = join(home, 'screenshot.png');
  writeFileSync(screenshot, Buffer.from(pixel, 'base64'));
  const task = 'Fix the failing test. Ask me what is unclear.';
  const command = [process.execPath, example('working-day.ts'), task, screenshot] as const;
  const { code, stdout, stderr } = await runProgram(command, {
    env: { ...process.env, CODEBUDDY_HOME: home, CODEBUDDY_URL: url },
  });
  expect(code, stderr).toBe(0);
  for (const line of [
    /^Morning: Fix the failing test\. Ask me what is unclear\.$/m,
    /^ {2}asked: May I change the code\? answered: Yes, in src\/$/m,
    /^ {2}steered: Change as little as possible\.$/m,
    /^ {2}allowed: bash node --test$/m,
    /^ {2}allowed: edit_file src\/median\.js$/m,
    /^ {2}Fixed: /m,
    /^Afternoon: a review, findings: 1\n {2}src\/median\.js:2 It changes the list of the caller\.$/m,
    /^Changed: src\/median\.js$/m,
    /^ {2}undone: src\/median\.js$/m,
    /^ {2}on the branch codebuddy\/\S+\nEvening: \d+ tokens, \$0$/m,
  ])
    expect(stdout).toMatch(line);
  const { sessions } = await client.sessions.list();
  expect(sessions).toHaveLength(2);
  // The fix is in the worktree only.
  const median = (folder: string): string => readFileSync(join(folder, 'src/median.js'), 'utf8');
  for (const session of sessions) expect(median(session.workspace)).toContain('left - right');
  expect(median(workspace)).not.toContain('left - right');
  expect((await client.webhooks.list()).webhooks).toEqual([]);
});
