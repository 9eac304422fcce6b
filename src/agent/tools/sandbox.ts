// Runs commands in bubblewrap: the workspace is writable, the rest read-only, keys and sockets are hidden, there is no
// network unless it is allowed, and the kernel cannot be changed. docs/sandbox.md lists what is promised and what is
// not. It never fails open: a command runs without the sandbox only if the sandbox is known to be missing and the
// settings allow that.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Isolation, SandboxMode } from '../../contract/sandbox.ts';
import { createProgramFinder } from '../programs/program-finder.ts';
import { bubblewrapArguments } from './sandbox/bubblewrap-arguments.ts';
import { findCommandUser } from './sandbox/command-user.ts';
import { deviceGuard } from './sandbox/device-guard.ts';
import { createLifeline } from './sandbox/lifeline.ts';
import { probeBubblewrap } from './sandbox/probe.ts';
import { defaultSandboxLimits, limitingScript } from './sandbox/sandbox-limits.ts';
import type { SandboxOptions, SandboxState } from './sandbox/sandbox-options.ts';
import { makeSeccompFilter } from './sandbox/seccomp-filter.ts';
import type { CommandStart } from './sandbox/start-command.ts';

export type { SandboxOptions, SandboxState };

export interface PreparedCommand {
  readonly start: CommandStart;
  /** Call if the start failed before the command ran. Records the failure and returns the error for the caller. */
  readonly refuse: (why: string, cause?: unknown) => CodeBuddyError;
}

export interface Sandbox {
  readonly mode: SandboxMode;
  readonly network: boolean;
  /**
   * Checks whether the sandbox works. "works" is kept until a start fails; "missing" and "unavailable" are checked
   * again after a minute, "failed" each time. Once it has worked, it only ever becomes "failed": commands never go back
   * to running without it.
   */
  look(): Promise<SandboxState>;
  /** The last answer of `look()`, without waiting. */
  readonly lastState: SandboxState | undefined;
  /** Resolves when no check is running any more: a check writes a file in the workspace. */
  settled(): Promise<void>;
  /** How the next command will run. @throws CodeBuddyError `sandbox_unavailable` if it would be refused */
  isolation(): Promise<Isolation>;
  /**
   * Prepares a command to run in the sandbox. `covers`: arguments for bubblewrap that come after the mount of the
   * workspace.
   * @throws CodeBuddyError `sandbox_unavailable`
   */
  prepare(command: string, cwd: string, covers: readonly string[]): Promise<PreparedCommand>;
}

const forgetAfterMs = 60_000;

export function createSandbox(options: SandboxOptions): Sandbox {
  const { mode, workspace, network, environment, now = Date.now } = options;
  const { probeTimeoutMs = 5000 } = options;
  const programs = createProgramFinder({ path: environment.PATH, untrusted: [workspace] });
  // Looked up each time: it may be installed later.
  const findProgram = (): string | undefined => options.program ?? programs.findSystem('bwrap');
  // Started by its path inside the sandbox, too: a planted `sh` could report any result.
  const shell = programs.findSystem('bash') ?? programs.findSystem('sh');
  const limits = { ...defaultSandboxLimits, ...options.limits };
  let filter: Buffer | undefined;
  let last: { readonly state: SandboxState; readonly at: number } | undefined;
  let probing: Promise<SandboxState> | undefined;
  let hasWorked = false;

  async function prepareStart(
    command: string,
    cwd: string,
    covers: readonly string[],
  ): Promise<CommandStart> {
    const program = findProgram();
    if (program === undefined || shell === undefined) throw new Error('bwrap or the shell is missing');
    const user = await findCommandUser(workspace, environment);
    const [guard, args] = await Promise.all([
      deviceGuard(user.ids?.uid, programs),
      bubblewrapArguments({ ...options, tmpBytes: limits.tmpMb * 1024 * 1024 }, { cwd, user, covers }),
    ]);
    filter ??= makeSeccompFilter(process.arch === 'arm64' ? 'arm64' : 'x64');
    const inside = ['/bin/sh', '-c', limitingScript(limits), shell, command];
    const { before, name } = createLifeline(programs.findSystem('sh') ?? shell);
    const line = [...before, ...guard, program, ...name, ...args, ...inside];
    return {
      program: line[0] as string,
      args: line.slice(1),
      cwd,
      environment: withPrivateTmp(user.environment),
      ids: user.ids,
      filter,
    };
  }

  async function probe(): Promise<SandboxState> {
    // A bubblewrap that is killed during its own start can leave a process behind, despite --die-with-parent.
    const mark = options.marks?.create();
    let left: Promise<unknown> | undefined;
    const endLeft = (): Promise<unknown> => {
      left ??= mark?.end() ?? Promise.resolve();
      return left;
    };
    try {
      return await probeBubblewrap({
        workspace,
        program: findProgram(),
        timeoutMs: probeTimeoutMs,
        endLeft,
        prepareStart: async (command) => {
          const start = await prepareStart(command, workspace, []);
          return { ...start, environment: { ...start.environment, ...mark?.environment } };
        },
      });
    } finally {
      await endLeft();
    }
  }

  /** Concurrent callers share one check. */
  function look(): Promise<SandboxState> {
    if (mode === 'off') return Promise.resolve({ status: 'off' });
    if (last !== undefined && isFresh(last)) return Promise.resolve(last.state);
    probing ??= probe()
      .then((found) => {
        hasWorked ||= found.status === 'works';
        const isLost = hasWorked && (found.status === 'missing' || found.status === 'unavailable');
        const state: SandboxState = isLost
          ? { status: 'failed', reason: `it worked before, but now ${found.reason}` }
          : found;
        last = { state, at: now() };
        return state;
      })
      .finally(() => {
        probing = undefined;
      });
    return probing;
  }

  function isFresh({ state, at }: { readonly state: SandboxState; readonly at: number }): boolean {
    if (state.status === 'works') return true;
    return state.status !== 'failed' && Math.abs(now() - at) < forgetAfterMs;
  }

  function refuse(why: string, cause?: unknown): CodeBuddyError {
    last = { state: { status: 'failed', reason: why }, at: now() };
    return refusal(why, cause);
  }

  async function isolation(): Promise<Isolation> {
    let state = await look();
    if (state.status === 'failed') state = await look();
    switch (state.status) {
      case 'works':
        return 'bubblewrap';
      case 'off':
        return 'none';
      case 'failed':
        throw refusal(`${state.reason}. The next command tries again`);
      case 'missing':
      case 'unavailable':
        if (mode === 'auto') return 'none';
        throw refusal(`the setting sandbox is "required", and ${state.reason}`);
    }
  }

  return {
    mode,
    network,
    look,
    get lastState() {
      return mode === 'off' ? { status: 'off' as const } : last?.state;
    },
    async settled() {
      await probing;
    },
    isolation,
    async prepare(command, cwd, covers) {
      try {
        return { start: await prepareStart(command, cwd, covers), refuse };
      } catch (error) {
        throw refuse('the places to hide from it could not be examined', error);
      }
    },
  };
}

/** Creates the error for a command that was not run. */
function refusal(why: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError(
    'sandbox_unavailable',
    `The command was not run, because it could not run in the sandbox: ${why}.`,
    cause === undefined ? {} : { cause },
  );
}

/** The command has its own /tmp, wherever the server's temporary folder is. */
function withPrivateTmp(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { TMPDIR, TMP, TEMP, ...rest } = environment;
  return { ...rest, TMPDIR: '/tmp' };
}
