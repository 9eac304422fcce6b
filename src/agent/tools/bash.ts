// Runs a command in a process group of its own, with a time-out, and leaves nothing behind: when the shell ends, is aborted or times out, the
// whole group is killed, what it put into the background as well.

import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { CodeBuddyError, exhaustionOf } from '../../errors.ts';
import { launch } from '../launch.ts';
import { OutputCollector } from './cap-output.ts';
import { defineTool, type ToolRun } from './tool.ts';

const defaultTimeoutMs = 120_000;
/** Between SIGTERM and SIGKILL; a cancel promises to be done within a second. */
const graceMs = 500;
/** How long output may still come after the group is gone. */
const drainMs = 200;

export const bashTool = defineTool({
  name: 'bash',
  description:
    'Runs a shell command in the workspace: bash where there is one, else sh. No input; a clean environment. Output over 64 KiB keeps head and tail. When the command ends, what it left in the background is ended too. In the sandbox, files that other programs run later (.git/config, hooks, .npmrc, .vscode, CI files, …) are read-only, and some that are missing show as empty folders; use write_file for them, which asks. `runsLater` in the result names such files that the command changed.',
  inputSchema: {
    type: 'object',
    properties: {
      command: { type: 'string', minLength: 1, maxLength: 100_000 },
      timeoutMs: { type: 'integer', minimum: 1, maximum: 600_000, default: 120_000 },
      cwd: { type: 'string', minLength: 1, description: 'A folder of the workspace; default its root.' },
    },
    required: ['command'],
    additionalProperties: false,
  },
  readOnly: false,
  async run({ command, timeoutMs = defaultTimeoutMs, cwd = '.' }, run) {
    if (command.includes('\0')) {
      throw new CodeBuddyError('validation_failed', 'command holds a NUL character', {
        errors: [{ in: 'body', pointer: '/command', message: 'must not hold a NUL character' }],
      });
    }
    const folder = await run.workspace.realDirectory(cwd);
    run.signal.throwIfAborted();
    return runCommand(command, folder, timeoutMs, run);
  },
});

type Child = ChildProcessByStdio<null, Readable, Readable>;

async function start(
  command: string,
  cwd: string,
  { environment, programs, sandbox }: ToolRun,
  covers: readonly string[],
): Promise<Child> {
  const sandboxed = await sandbox?.wrap(command, cwd, covers);
  const [program, ...args] = sandboxed ?? [shellOf(programs), '-c', command];
  try {
    const { child, started } = launch(program, args, {
      cwd,
      // `npx` put the workspace's node_modules/.bin first in our PATH, not in that of commands; `npm run` does so by itself.
      env: sandboxed === undefined ? { ...environment, PATH: programs.commandPath } : environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await started;
    return child;
  } catch (error) {
    throw (
      exhaustionOf(error) ??
      new CodeBuddyError('tool_failed', 'The shell could not be started.', { cause: error })
    );
  }
}

/** @throws CodeBuddyError `tool_failed` if the machine has none outside the workspace */
function shellOf(programs: ToolRun['programs']): string {
  const shell = programs.findSystem('bash') ?? programs.findSystem('sh');
  if (shell !== undefined) return shell;
  throw new CodeBuddyError(
    'tool_failed',
    'There is no shell: PATH has neither bash nor sh in a folder outside the workspace.',
  );
}

/** What the command made or changed that other programs run later is named in the result, where there is any. */
async function runCommand(command: string, cwd: string, timeoutMs: number, run: ToolRun): Promise<unknown> {
  const isSandboxed = run.sandbox !== undefined && (await run.sandbox.trouble()) === undefined;
  const guarded = await run.commandGuard.begin({ isSandboxed });
  let result: Readonly<Record<string, unknown>>;
  try {
    result = await runShell(command, cwd, timeoutMs, run, guarded.sandboxArguments);
  } catch (error) {
    // Whoever cancels does not wait for the look around; should the process end first, the next start makes up for it.
    guarded.end().catch(() => undefined);
    throw error;
  }
  const runsLater = await guarded.end();
  return runsLater.length === 0 ? result : { ...result, runsLater };
}

async function runShell(
  command: string,
  cwd: string,
  timeoutMs: number,
  run: ToolRun,
  covers: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const startedAt = performance.now();
  const child = await start(command, cwd, run, covers);
  const stdout = collect(child.stdout, (text) => run.onOutput('stdout', text));
  const stderr = collect(child.stderr, (text) => run.onOutput('stderr', text));

  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (killTimer !== undefined) return;
    signalGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, timeoutMs);
  run.signal.addEventListener('abort', end, { once: true });
  if (run.signal.aborted) end();

  const { exitCode, signal } = await new Promise<{ exitCode: number | null; signal: string | null }>(
    (resolve) => {
      child.once('exit', (code, by) => resolve({ exitCode: code, signal: by }));
    },
  );
  clearTimeout(timer);
  clearTimeout(killTimer);
  run.signal.removeEventListener('abort', end);
  // The shell is gone; whoever is left in its group would hold our pipes open.
  signalGroup(child, 'SIGKILL');
  await ended(child);
  run.signal.throwIfAborted();

  return {
    exitCode,
    signal,
    stdout: stdout.text(),
    stderr: stderr.text(),
    timedOut,
    truncated: stdout.truncated || stderr.truncated,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

function collect(stream: Readable, onText: (text: string) => void): OutputCollector {
  const collector = new OutputCollector();
  const decoder = new StringDecoder('utf8');
  stream.on('data', (chunk: Buffer) => {
    collector.add(chunk);
    const text = decoder.write(chunk);
    if (text !== '') onText(text);
  });
  // A pipe that breaks ends the output; the exit says the rest.
  stream.on('error', () => stream.destroy());
  return collector;
}

/** Both pipes closed, or given up on: a process that left the group may hold them for as long as it likes. */
async function ended(child: Child): Promise<void> {
  const streams = [child.stdout, child.stderr];
  const closed = Promise.all(
    streams.map((stream) =>
      stream.closed ? undefined : new Promise((resolve) => stream.once('close', resolve)),
    ),
  );
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise((resolve) => {
    timer = setTimeout(resolve, drainMs);
  });
  await Promise.race([closed, givenUp]);
  clearTimeout(timer);
  for (const stream of streams) stream.destroy();
}

function signalGroup(child: Child, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: nobody is left in the group. EPERM (macOS): only zombies are.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')))
      throw error;
  }
}
