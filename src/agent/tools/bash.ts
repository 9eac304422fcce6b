// Runs a command in a process group of its own, in the sandbox where there is one, with a time-out, and leaves nothing behind: when the
// shell ends, is aborted or times out, the whole group is killed, including what it put into the background.

import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { CodeBuddyError } from '../../errors.ts';
import { OutputCollector } from './cap-output.ts';
import { closed, exitOf, type StartedCommand, signalGroup, startCommand } from './sandbox/start-command.ts';
import type { Isolation, PreparedCommand } from './sandbox.ts';
import { defineTool, type ToolRun } from './tool.ts';

const defaultTimeoutMs = 120_000;
/** Between SIGTERM and SIGKILL; a cancel promises to be done within a second. */
const graceMs = 500;
/** How long output may still come after the group is gone. */
const drainMs = 200;

export const bashTool = defineTool({
  name: 'bash',
  description:
    'Runs a shell command in the workspace: bash where there is one, else sh. No input; a clean environment. Output over 64 KiB keeps head and tail. When the command ends, what it left in the background is ended too. `sandbox` in the result says how it ran.',
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

interface Started extends StartedCommand {
  readonly isolation: Isolation;
}

async function start(
  command: string,
  cwd: string,
  run: ToolRun,
  prepared?: PreparedCommand,
): Promise<Started> {
  if (prepared?.start !== undefined) {
    try {
      return { ...(await startCommand(prepared.start)), isolation: prepared.isolation };
    } catch (error) {
      // Never without the sandbox instead: this may be passing, and it was said how the command would run.
      throw prepared.refuse('bubblewrap could not be started', error);
    }
  }
  for (const shell of ['bash', 'sh']) {
    try {
      const started = await startCommand({
        program: shell,
        args: ['-c', command],
        cwd,
        environment: run.environment,
      });
      return { ...started, isolation: 'none' };
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing || shell === 'sh')
        throw new CodeBuddyError('tool_failed', 'The shell could not be started.', { cause: error });
    }
  }
  throw new CodeBuddyError('tool_failed', 'There is no shell on this machine.');
}

async function runCommand(command: string, cwd: string, timeoutMs: number, run: ToolRun): Promise<unknown> {
  const startedAt = performance.now();
  for (let isLast = false; ; isLast = true) {
    const prepared = await run.sandbox?.prepare(command, cwd);
    try {
      run.signal.throwIfAborted();
      const started = await start(command, cwd, run, prepared);
      return await followToEnd(started, { startedAt, timeoutMs, run, prepared });
    } catch (error) {
      // It was not run. Something that had to be hidden may have gone meanwhile, so it is prepared once more.
      const wasNotRun = error instanceof CodeBuddyError && error.code === 'sandbox_unavailable';
      if (!wasNotRun || isLast) throw error;
    } finally {
      await prepared?.afterCommand();
    }
  }
}

interface Following {
  readonly startedAt: number;
  readonly timeoutMs: number;
  readonly run: ToolRun;
  readonly prepared: PreparedCommand | undefined;
}

async function followToEnd(
  started: Started,
  { startedAt, timeoutMs, run, prepared }: Following,
): Promise<unknown> {
  const { child } = started;
  const stdout = collect(started.stdout, (text) => run.onOutput('stdout', text));
  const stderr = collect(started.stderr, (text) => run.onOutput('stderr', text));

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

  const { exitCode, signal } = await exitOf(child);
  const wasEnded = killTimer !== undefined;
  clearTimeout(timer);
  clearTimeout(killTimer);
  run.signal.removeEventListener('abort', end);
  // The shell is gone; whoever is left in its group would hold our pipes open.
  signalGroup(child, 'SIGKILL');
  // A process that left the group may hold them for as long as it likes.
  await Promise.all([closed(started.stdout, drainMs), closed(started.stderr, drainMs)]);
  run.signal.throwIfAborted();
  // A failed start of bubblewrap looks like a command that failed, but for what it reports.
  const mayBeSetup = prepared !== undefined && exitCode !== 0 && exitCode !== null && !wasEnded;
  if (mayBeSetup && !(await started.wasRun()))
    throw prepared.refuse(stderr.text().trim() || `bubblewrap ended with exit code ${exitCode}`);

  return {
    exitCode,
    signal,
    stdout: stdout.text(),
    stderr: stderr.text(),
    timedOut,
    truncated: stdout.truncated || stderr.truncated,
    durationMs: Math.round(performance.now() - startedAt),
    sandbox: started.isolation,
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
