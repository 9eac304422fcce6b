// Starts a program in a process group of its own, so that no failure to start one can end the server.

import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
// Node refuses to start .cmd files, as npx is one on Windows, without a shell; this quotes the arguments for it.
import spawn from 'cross-spawn';
import { groupOptions } from './process-group.ts';

export interface LaunchOptions {
  readonly cwd: string;
  /** All of it; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Launched<Child extends ChildProcess> {
  /** If it could not be started, it has no `pid` and may have no streams. */
  readonly child: Child;
  /** Rejects with the system's error, as ENOENT for a missing program or EMFILE when there is no file handle left. */
  readonly started: Promise<void>;
}

/** @throws the system's error, if it is one that Node throws (E2BIG) */
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
    // Before the streams are touched, and for good: an error without a listener ends the server.
    child.on('error', reject);
    child.once('spawn', resolve);
  });
  return { child, started };
}
