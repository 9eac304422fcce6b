// How the end of a program that exchanges lines is described.

import { tmpdir } from 'node:os';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LineProcess } from '../../src/agent/processes/line-process.ts';
import { isProcessAlive } from '../../src/base/is-process-alive.ts';
import { waitFor } from '../wait-for.ts';

test.skipIf(process.platform === 'win32')(
  'a program that exits while the server is held up is said to have exited, not to have closed its stdout',
  async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const closed = Promise.withResolvers<void>();
    const lines = new LineProcess({
      program: {
        command: 'sh',
        args: ['-c', 'exec >&-; read line; exit 9'],
        env: { PATH: process.env.PATH ?? '' },
        cwd: tmpdir(),
      },
      parse: () => undefined,
      onMessage: () => undefined,
      onClosed: closed.resolve,
    });
    await lines.start();
    await waitFor('the end of its stdout', () => vi.getTimerCount() > 0);
    lines.write('\n');
    // This process does nothing else until the program has ended, and the time for that is over.
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (isProcessAlive(lines.pid as number)) Atomics.wait(pause, 0, 0, 10);
    vi.advanceTimersByTime(1000);
    await closed.promise;
    expect(lines.ending).toBe('exited with code 9');
  },
);
