// Runs a command in its own process group, in the sandbox if there is one, with a timeout. Leaves no processes behind:
// when the shell ends, is aborted or times out, the whole group is killed, including background processes.

import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { CodeBuddyError, exhaustionOf } from '../../base/errors.ts';
import type { Isolation } from '../../contract/sandbox.ts';
import { signalGroup } from '../process-group.ts';
import type { CallMark } from '../processes/call-marks.ts';
import { OutputCollector } from './cap-output.ts';
import { repositoryHint } from './repository-hint.ts';
import { closed, exitOf, type StartedCommand, startCommand } from './sandbox/start-command.ts';
import type { PreparedCommand } from './sandbox.ts';
import { errnoOf, explainSystemError } from './system-errors.ts';
import { defineTool, type ToolRun } from './tool.ts';

const defaultTimeoutMs = 120_000;
/** Time between SIGTERM and SIGKILL, in ms. A cancelled run must end within a second. */
const graceMs = 500;
/** Time to wait for output after the group has ended, in ms. */
const drainMs = 200;

export const bashTool = defineTool({
  name: 'bash',
  description:
    'Run a shell command in the workspace, with bash if installed, else sh. No input; a clean environment. Of output over 64 KiB, head and tail are kept. When the command ends, its background processes are ended too; `leftRunning` in the result lists the pids that could not be ended. `sandbox` in the result says how it ran. In the sandbox, files that other programs run later (.git/config, hooks, .npmrc, .vscode, CI files, …) are read-only, and some missing ones show as empty folders; use write_file for them, which asks for permission. `runsLater` in the result lists such files that the command changed.',
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
      throw new CodeBuddyError('validation_failed', 'command contains a NUL character', {
        errors: [{ in: 'body', pointer: '/command', message: 'must not contain a NUL character' }],
      });
    }
    const folder = await run.workspace.realDirectory(cwd);
    run.signal.throwIfAborted();
    return runCommand(command, folder, timeoutMs, run);
  },
});

interface Started extends StartedCommand {
  readonly isolation: Isolation;
  /** Undefined in the sandbox, which leaves no processes behind. */
  readonly mark: CallMark | undefined;
}

async function start(
  command: string,
  cwd: string,
  isolation: Isolation,
  { environment, programs, marks }: ToolRun,
  prepared: PreparedCommand | undefined,
): Promise<Started> {
  if (prepared !== undefined) {
    try {
      return { ...(await startCommand(prepared.start)), isolation, mark: undefined };
    } catch (error) {
      // The command is too long; the sandbox works.
      if (errnoOf(error) === 'E2BIG') throw explainSystemError('The command', error) ?? error;
      // Never run it without the sandbox instead: the cause may be temporary, and the caller expects the sandbox.
      throw exhaustionOf(error) ?? prepared.refuse('bubblewrap could not be started', error);
    }
  }
  const mark = marks.create();
  try {
    const started = await startCommand({
      program: shellOf(programs),
      args: ['-c', command],
      cwd,
      // Without the workspace's node_modules/.bin, which `npx` puts first in the server's PATH. `npm run` adds it by
      // itself.
      environment: { ...environment, PATH: programs.commandPath, ...mark.environment },
    });
    return { ...started, isolation, mark };
  } catch (error) {
    await mark.end();
    if (error instanceof CodeBuddyError) throw error;
    throw (
      explainSystemError('The shell', error) ??
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
    'No shell found: PATH has neither bash nor sh in a folder outside the workspace.',
  );
}

/** Adds `runsLater` to the result if the command created or changed files that other programs run later. */
async function runCommand(command: string, cwd: string, timeoutMs: number, run: ToolRun): Promise<unknown> {
  const startedAt = performance.now();
  for (let isLast = false; ; isLast = true) {
    const isolation = (await run.sandbox?.isolation()) ?? 'none';
    const guarded = await run.commandGuard.begin({ isSandboxed: isolation === 'bubblewrap' });
    let result: Readonly<Record<string, unknown>>;
    try {
      const prepared =
        isolation === 'none' ? undefined : await run.sandbox?.prepare(command, cwd, guarded.sandboxArguments);
      run.signal.throwIfAborted();
      const started = await start(command, cwd, isolation, run, prepared);
      result = await followToEnd(started, { startedAt, timeoutMs, run, prepared });
    } catch (error) {
      // A cancel does not wait for the scan. If the process ends first, the next start does it.
      const ended = guarded.end().catch(() => undefined);
      // The command was not run. A hidden place may have disappeared meanwhile, so prepare the command once more.
      const wasNotRun = error instanceof CodeBuddyError && error.code === 'sandbox_unavailable';
      if (!wasNotRun || isLast) throw error;
      await ended;
      continue;
    }
    const runsLater = await guarded.end();
    return runsLater.length === 0 ? result : { ...result, runsLater };
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
): Promise<Readonly<Record<string, unknown>>> {
  const { child, mark } = started;
  const stdout = collect(started.stdout, (text) => run.onOutput('stdout', text));
  const stderr = collect(started.stderr, (text) => run.onOutput('stderr', text));

  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (killTimer !== undefined) return;
    // Before the signal: a parent that has ended no longer lists its children.
    if (child.pid !== undefined) mark?.noteTree(child.pid);
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
  // The shell has ended. Remaining processes of its group would keep the pipes open,
  signalGroup(child, 'SIGKILL');
  // and so would processes that have left the group.
  const leftRunning = (await mark?.end()) ?? [];
  // A process that could not be ended may keep them open for any time.
  await Promise.all([closed(started.stdout, drainMs), closed(started.stderr, drainMs)]);
  run.signal.throwIfAborted();
  // A failed start of bubblewrap looks like a failed command; only its status report differs.
  const mayBeSetup = prepared !== undefined && exitCode !== 0 && exitCode !== null && !wasEnded;
  if (mayBeSetup && !(await started.wasRun()))
    throw prepared.refuse(stderr.text().trim() || `bubblewrap ended with exit code ${exitCode}`);
  const hint = mayBeSetup ? repositoryHint(stderr.text(), run.workspace.root) : undefined;

  return {
    exitCode,
    signal,
    stdout: stdout.text(),
    stderr: stderr.text(),
    timedOut,
    truncated: stdout.truncated || stderr.truncated,
    durationMs: Math.round(performance.now() - startedAt),
    sandbox: started.isolation,
    ...(leftRunning.length === 0 ? {} : { leftRunning }),
    ...(hint === undefined ? {} : { hint }),
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
  // A broken pipe ends the output; the exit code reports the rest.
  stream.on('error', () => stream.destroy());
  return collector;
}
