// Runs the real program in real processes; each test has its own config folder and workspace.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { databaseSetting } from '../postgres/test-store.ts';
import { program } from '../program.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly output: { stdout: string; stderr: string };
  readonly finished: Promise<Finished>;
  /** Resolves when standard output contains the text; rejects if the program ends first. */
  saw(text: string): Promise<void>;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'codebuddy-cli-'));
  // For tests that put a file there before the first start.
  mkdirSync(join(folder, 'api'), { mode: 0o700 });
  // A command that the program ran may still be ending, and write.
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return folder;
}

/** Excludes all settings of the machine that runs the tests. */
function environment(home: string, more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('CODEBUDDY_') && name !== 'DATABASE_URL'),
  );
  return {
    ...clean,
    CODEBUDDY_HOME: home,
    CODEBUDDY_MODEL: 'offline',
    // The tests of autostart set it to true.
    CODEBUDDY_AUTOSTART: 'false',
    NO_COLOR: '1',
    NODE_NO_WARNINGS: '1',
    ...more,
  };
}

export function start(
  home: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  script = program,
): Running {
  const child = spawn(process.execPath, [script, ...args], {
    env: environment(home, more),
    cwd: home,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that refuses its arguments ends before it reads the input.
  child.stdin.on('error', () => undefined);
  const output = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const watch of watchers) watch();
    });
  }
  const finished = new Promise<Finished>((resolve) =>
    child.once('close', (code) => resolve({ code, ...output })),
  );
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await finished;
  });
  return {
    child,
    output,
    finished,
    saw: (text) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (!output.stdout.includes(text)) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        void finished.then(({ code, stdout, stderr }) =>
          reject(
            new Error(`ended with ${code} before it printed ${JSON.stringify(text)}:\n${stdout}\n${stderr}`),
          ),
        );
        watch();
      }),
  };
}

export async function run(
  home: string,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<Finished> {
  const running = start(home, args, { ...(await databaseSetting(home)), ...options.env });
  running.child.stdin.end(options.input ?? '');
  return running.finished;
}

export interface Server extends Running {
  readonly url: string;
}

export async function serve(
  home: string,
  args: readonly string[] = [],
  more: Record<string, string> = {},
): Promise<Server> {
  const running = start(
    home,
    ['serve', '--json', ...(args.includes('--port') ? [] : ['--port', '0']), ...args],
    { ...(await databaseSetting(home)), ...more },
  );
  await running.saw('\n');
  const { url } = JSON.parse(running.output.stdout.split('\n')[0] as string) as { url: string };
  return { ...running, url };
}
