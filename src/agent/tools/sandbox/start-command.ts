// Starts a program as the leader of a process group of its own, and with bubblewrap's two further pipes: one hands over the seccomp filter,
// the other tells whether the command was run at all.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { groupOptions } from '../../process-group.ts';

/** Numbers of the descriptors, as bubblewrap's arguments name them. */
export const filterDescriptor = 3;
export const statusDescriptor = 4;

export interface CommandStart {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined: the server's own. */
  readonly ids?: { readonly uid: number; readonly gid: number } | undefined;
  /** For bubblewrap: what it reads from `filterDescriptor`. */
  readonly filter?: Buffer;
}

export interface StartedCommand {
  readonly child: ChildProcess;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** After the end: did the command run, or did bubblewrap fail before? True without bubblewrap. */
  wasRun(): Promise<boolean>;
}

/** @throws the error of the system if the program cannot be started */
export async function startCommand(start: CommandStart): Promise<StartedCommand> {
  const { program, args, cwd, environment, ids, filter } = start;
  const child = spawn(program, args, {
    cwd,
    env: environment,
    ...groupOptions(),
    stdio: ['ignore', 'pipe', 'pipe', ...(filter === undefined ? [] : (['pipe', 'pipe'] as const))],
    ...ids,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    // Also for later errors, as of a kill: without a listener they would end the server.
    child.on('error', reject);
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error(`${program} was started without pipes`);
  if (filter === undefined) return { child, stdout, stderr, wasRun: async () => true };

  const filterPipe = child.stdio[filterDescriptor] as Writable;
  // bubblewrap may end before it has read the filter; its exit says so.
  filterPipe.on('error', () => undefined);
  filterPipe.end(filter);
  const status = collect(child.stdio[statusDescriptor] as Readable);
  return { child, stdout, stderr, wasRun: async () => /"exit-code"/.test(await status) };
}

/** All text of a stream; what has come so far if it does not end soon after the program. */
function collect(stream: Readable): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    const done = (): void => resolve(text);
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      if (text.length < 10_000) text += chunk;
      if (text.includes('"exit-code"')) done();
    });
    stream.once('close', done);
    stream.on('error', done);
  });
}

/** Resolves when the program has ended. */
export function exitOf(
  child: ChildProcess,
): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null)
      resolve({ exitCode: child.exitCode, signal: child.signalCode });
    else child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

/** Resolves when the stream is closed; it is closed by force if something else holds it open after `waitMs`. */
export async function closed(stream: Readable, waitMs = 200): Promise<void> {
  if (stream.closed) return;
  const timer = setTimeout(() => stream.destroy(), waitMs);
  await new Promise((resolve) => stream.once('close', resolve));
  clearTimeout(timer);
}
