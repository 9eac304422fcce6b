// examples/prompt-in-ci.sh, as CI runs it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { example } from './start-example.ts';

test('a job without a model sends a prompt to the offline agent, and checks the answer', async () => {
  const child = spawn('bash', [example('prompt-in-ci.sh')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  expect(stdout).toContain('README.md');
  expect(code).toBe(0);
});
