// `codebuddy logs`: the log of a server that a command started.

import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run, start, temporaryFolder } from './run-cli.ts';

test('prints the latest lines, as text and as JSON, even after the server has ended', async () => {
  const home = temporaryFolder();
  writeFileSync(join(home, 'api', 'config.json'), JSON.stringify({ port: 0 }));
  onTestFinished(async () => void (await run(home, ['stop'])));
  const started = await run(home, ['keys', 'list'], { env: { CODEBUDDY_AUTOSTART: 'true' } });
  expect(started.code, started.stderr).toBe(0);
  await run(home, ['stop']);
  const { code, stdout, stderr } = await run(home, ['logs']);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^\d{4}-\d{2}-\d{2}T\S+ info .*"path":"\/api\/keys"/m);
  const lines = (await run(home, ['logs', '--json', '-n', '2'])).stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toHaveLength(2);
});

test('follows the log into a new file', async () => {
  const home = temporaryFolder();
  const log = join(home, 'api', 'server.log');
  writeFileSync(log, 'one\ntwo\nhal');
  const following = start(home, ['logs', '-f', '-n', '1']);
  await following.saw('two\n');
  appendFileSync(log, 'f\nthree \u001b[31m\n');
  await following.saw('half\nthree \\x1b[31m\n');
  expect(following.output.stdout).not.toContain('one');
  // A control character of the log does not reach the terminal.
  expect(following.output.stdout).not.toContain('\u001b');
  renameSync(log, `${log}.old`);
  writeFileSync(log, 'anew\n');
  await following.saw('anew\n');
});

test('without a log, says where logs are', async () => {
  const { code, stderr } = await run(temporaryFolder(), ['logs']);
  expect(code).toBe(1);
  expect(stderr).toContain('There is no log at ');
  expect(stderr).toContain('codebuddy serve logs to its terminal');
});
