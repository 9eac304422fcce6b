// The reason why a program ended.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { LineProcess } from '../../src/agent/processes/line-process.ts';
import { blockThread } from '../block-thread.ts';
import { temporaryFolder } from './start-agent.ts';

test('a program that exits while this process is paused ended by its exit, not by its stdout', async () => {
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  const program: LineProcess<never> = new LineProcess<never>({
    program: {
      command: '/bin/sh',
      args: ['-c', 'exec >&-; echo last words >&2; sleep 0.1; exit 3'],
      env: { PATH: process.env.PATH ?? '' },
      cwd: temporaryFolder(),
    },
    parse: () => undefined,
    onMessage: () => undefined,
    // Until the program has exited, and longer than a program may run without its stdout.
    onStderr() {
      const hasExited = () =>
        execFileSync('ps', ['-o', 'stat=', '-p', String(program.pid)], { encoding: 'utf8' }).startsWith('Z');
      while (!hasExited());
      blockThread(300);
    },
    onClosed,
  });
  await program.start();
  await closed;
  expect(program.ending).toBe('exited with code 3');
  expect(program.stderr).toBe('last words\n');
});
