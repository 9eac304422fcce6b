// Starts a program in its own process group. bubblewrap gets three more pipes: one passes the seccomp filter, one
// reports whether the command ran at all, and one is closed when the server ends.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { groupOptions } from '../../process-group.ts';
import { lifelineDescriptor } from './lifeline.ts';

/** Descriptor numbers that bubblewrap's arguments refer to. */
export const filterDescriptor = 3;
export const statusDescriptor = 4;

export interface CommandStart {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Undefined for the server's own. */
  readonly ids?: { readonly uid: number; readonly gid: number } | undefined;
  /** For bubblewrap: the filter that it reads from `filterDescriptor`. */
  readonly filter?: Buffer;
}

export interface StartedCommand {
  readonly child: ChildProcess;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Call after the end. False if bubblewrap failed before it ran the command; always true without bubblewrap. */
  wasRun(): Promise<boolean>;
}

/** @throws the error of the system if the program cannot be started */
export async function startCommand(start: CommandStart): Promise<StartedCommand> {
  const { program, args, cwd, environment, ids, filter } = start;
  const child = spawn(program, args, {
    cwd,
    env: environment,
    ...groupOptions(),
    stdio: ['ignore', 'pipe', 'pipe', ...(filter === undefined ? [] : (['pipe', 'pipe', 'pipe'] as const))],
    ...ids,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    // Stays for later errors, such as of a kill: without a listener they would end the server.
    child.on('error', reject);
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error(`${program} was started without pipes`);
  if (filter === undefined) return { child, stdout, stderr, wasRun: async () => true };

  const filterPipe = child.stdio[filterDescriptor] as Writable;
  // bubblewrap may end before it has read the filter; its exit code reports that.
  filterPipe.on('error', () => undefined);
  filterPipe.end(filter);
  // The types of `stdio` end with descriptor 4.
  const pipes: readonly (Readable | Writable | null | undefined)[] = child.stdio;
  const lifeline = pipes[lifelineDescriptor] as Writable;
  lifeline.on('error', () => undefined);
  child.once('exit', () => lifeline.destroy());
  const status = collect(child.stdio[statusDescriptor] as Readable);
  return { child, stdout, stderr, wasRun: async () => /"exit-code"/.test(await status) };
}

/** The text of a stream, up to the report of the exit code. */
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

/** Resolves when the stream is closed. Closes it by force if another process keeps it open for `waitMs`. */
export async function closed(stream: Readable, waitMs = 200): Promise<void> {
  if (stream.closed) return;
  const timer = setTimeout(() => stream.destroy(), waitMs);
  await new Promise((resolve) => stream.once('close', resolve));
  clearTimeout(timer);
}
