// Starts holder-process.ts and reads its lines.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('./holder-process.ts', import.meta.url));

export interface Holder {
  readonly pid: number;
  /** The first line: `open`, or the reason of the refusal. */
  readonly answer: string;
  /** All further complete lines. */
  readonly lines: readonly string[];
  /** Wait for this many further lines. */
  said(count: number): Promise<void>;
  /** Send SIGKILL, and wait until the process has ended and its output is read. */
  kill(): Promise<void>;
}

export async function startHolder(path: string, ...more: string[]): Promise<Holder> {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [script, path, ...more]);
  const gone = once(child, 'close');
  let errors = '';
  child.stderr.on('data', (piece) => {
    errors += piece;
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  onTestFinished(kill);
  const lines: string[] = [];
  let text = '';
  // A line that the kill cut off does not count.
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    const parts = (text + piece).split('\n');
    text = parts.pop() as string;
    for (const part of parts) lines.push(part);
    if (lines.length > 0) child.emit('line');
  });
  await Promise.race([once(child, 'line'), gone]);
  const answer = lines.shift();
  if (answer === undefined) throw new Error(`the holder printed nothing: ${errors}`);
  const said = async (count: number): Promise<void> => {
    while (lines.length < count) {
      if (child.exitCode !== null) throw new Error(`the holder ended after ${lines.length} lines: ${errors}`);
      await Promise.race([once(child, 'line'), gone]);
    }
  };
  return { pid: child.pid as number, answer, lines, said, kill };
}
