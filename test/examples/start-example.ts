// An example as a process, as its readers start it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { waitFor } from '../wait-for.ts';

export interface Example {
  readonly url: string;
  readonly output: { readonly stdout: string; readonly stderr: string };
  /** Asks it to stop, and returns its exit code. */
  stop(): Promise<number | null>;
}

/** The path of a file in examples/. */
export function example(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
}

/** Starts an example on a free port, and waits until it says where it listens. */
export async function startExample(
  [program, ...args]: readonly [program: string, ...args: string[]],
  environment: Readonly<Record<string, string>>,
): Promise<Example> {
  const child = spawn(program, args, {
    env: { ...process.env, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  // Not `exit`: what it wrote last may come after that.
  const ended = once(child, 'close');
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const url = await waitFor(
    'the port',
    () => /listening on (\S+)\n/.exec(output.stdout)?.[1],
    () => output,
  );
  return {
    url,
    output,
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = (await ended) as [number | null];
      return code;
    },
  };
}
