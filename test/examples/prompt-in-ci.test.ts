// examples/prompt-in-ci.sh, as CI runs it.

import { expect, test } from 'vitest';
import { runProgram } from '../run-program.ts';
import { example } from './start-example.ts';

test('a job without a model sends a prompt to the offline agent, and checks the answer', async () => {
  const { code, stdout, stderr } = await runProgram(['bash', example('prompt-in-ci.sh')]);
  expect(stdout, stderr).toContain('README.md');
  expect(code).toBe(0);
});
