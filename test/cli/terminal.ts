// Runs the program on a real terminal, created by `script` of util-linux: reads its output and types answers.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { program } from '../program.ts';

const script = '/usr/bin/script';

// macOS has another `script`; the tests need a terminal, not this program.
export const hasTerminal = process.platform === 'linux' && existsSync(script);

export interface Terminal {
  /** The output so far. */
  text(): string;
  /** Resolves when the text is on the terminal, after the text that was found before. */
  saw(text: string): Promise<void>;
  type(keys: string): void;
  /** The program's exit code. */
  readonly ended: Promise<number | null>;
}

export function onTerminal(
  home: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  columns = 80,
): Terminal {
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  const line = `stty cols ${columns} && exec ${command}`;
  const child = spawn(script, ['-qefc', line, '/dev/null'], {
    cwd: home,
    env: {
      ...process.env,
      CODEBUDDY_HOME: home,
      CODEBUDDY_API_KEY: '',
      CODEBUDDY_AUTOSTART: 'false',
      NO_COLOR: '1',
      TERM: 'xterm',
      CI: '',
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // What is typed after the program has ended. `saw` reports that.
  child.stdin.on('error', () => undefined);
  let text = '';
  let seen = 0;
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    for (const watch of [...watchers]) watch();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  onTestFinished(async () => {
    child.stdin.destroy();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  });
  return {
    text: () => text,
    ended,
    type: (keys) => void child.stdin.write(keys),
    saw: (wanted) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const at = text.indexOf(wanted, seen);
          if (at === -1) return;
          seen = at + wanted.length;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        void ended.then((code) =>
          reject(new Error(`ended with ${code} before it showed ${JSON.stringify(wanted)}:\n${text}`)),
        );
        watch();
      }),
  };
}
