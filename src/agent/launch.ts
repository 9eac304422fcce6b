// Starts a program in its own process group. A failure to start rejects the promise and cannot end the server.

import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
// On Windows, Node starts .cmd files such as npx only through a shell; cross-spawn quotes the arguments for it.
import spawn from 'cross-spawn';
import { groupOptions } from './process-group.ts';

export interface LaunchOptions {
  readonly cwd: string;
  /** The complete environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Launched<Child extends ChildProcess> {
  /** Without `pid`, and perhaps without streams, if it could not be started. */
  readonly child: Child;
  /** Rejects with the system's error, such as ENOENT for a missing program or EMFILE when file handles are used up. */
  readonly started: Promise<void>;
}

/** @throws the system errors that `spawn` throws at once (E2BIG) */
export function launch(
  program: string,
  args: readonly string[],
  options: LaunchOptions & { readonly stdio: ['ignore', 'pipe', 'pipe'] },
): Launched<ChildProcessByStdio<null, Readable, Readable>>;
export function launch(
  program: string,
  args: readonly string[],
  options: LaunchOptions & { readonly stdio: ['pipe', 'pipe', 'pipe'] },
): Launched<ChildProcessByStdio<Writable, Readable, Readable>>;
export function launch(
  program: string,
  args: readonly string[],
  { cwd, env, stdio }: LaunchOptions & { readonly stdio: ['ignore' | 'pipe', 'pipe', 'pipe'] },
): Launched<ChildProcess> {
  const child = spawn(program, [...args], { cwd, env, stdio, ...groupOptions() });
  const started = new Promise<void>((resolve, reject) => {
    // Before the streams are touched, and never removed: an error without a listener ends the server.
    child.on('error', reject);
    child.once('spawn', resolve);
  });
  return { child, started };
}
