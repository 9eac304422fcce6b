// Commands in bubblewrap: the workspace can be written, the rest can only be read, keys and sockets cannot be seen, there is no network
// unless it is allowed, and nothing of the kernel can be changed. docs/sandbox.md says what holds and what does not.
// It never fails open: a command runs without the sandbox only where there is known to be none, and the settings allow that.

import { CodeBuddyError } from '../../base/errors.ts';
import type { Isolation, SandboxMode } from '../../contract/sandbox.ts';
import { createProgramFinder } from '../programs/program-finder.ts';
import { bubblewrapArguments } from './sandbox/bubblewrap-arguments.ts';
import { findCommandUser } from './sandbox/command-user.ts';
import { deviceGuard } from './sandbox/device-guard.ts';
import { probeBubblewrap } from './sandbox/probe.ts';
import { defaultSandboxLimits, limitingScript } from './sandbox/sandbox-limits.ts';
import type { SandboxOptions, SandboxState } from './sandbox/sandbox-options.ts';
import { makeSeccompFilter } from './sandbox/seccomp-filter.ts';
import type { CommandStart } from './sandbox/start-command.ts';

export type { SandboxOptions, SandboxState };

export interface PreparedCommand {
  readonly start: CommandStart;
  /** The start failed before the command ran: notes it, and gives the error for whoever asked. */
  readonly refuse: (why: string, cause?: unknown) => CodeBuddyError;
}

export interface Sandbox {
  readonly mode: SandboxMode;
  readonly network: boolean;
  /**
   * Looks whether it works. "Works" is kept until a start fails; "missing" and "unavailable" are looked at again after a minute, "failed"
   * each time. Once it has worked, it only fails: what worked before is not given up.
   */
  look(): Promise<SandboxState>;
  /** The last answer of `look()`, without waiting. */
  readonly lastState: SandboxState | undefined;
  /** How the next command will run. @throws CodeBuddyError `sandbox_unavailable` if it would be refused */
  isolation(): Promise<Isolation>;
  /**
   * A command that runs in the sandbox. `covers`: further arguments for bubblewrap, which follow the workspace's mount and win over it.
   * @throws CodeBuddyError `sandbox_unavailable`
   */
  prepare(command: string, cwd: string, covers: readonly string[]): Promise<PreparedCommand>;
}

const forgetAfterMs = 60_000;

export function createSandbox(options: SandboxOptions): Sandbox {
  const { mode, workspace, network, environment, now = Date.now } = options;
  const { probeTimeoutMs = 5000 } = options;
  const programs = createProgramFinder({ path: environment.PATH, untrusted: [workspace] });
  // Each time anew: it may be installed later.
  const findProgram = (): string | undefined => options.program ?? programs.findSystem('bwrap');
  // By its path inside, too: a planted `sh` could report anything as the command's result.
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
    if (program === undefined || shell === undefined) throw new Error('bwrap or the shell is not there');
    const user = await findCommandUser(workspace, environment);
    const [guard, args] = await Promise.all([
      deviceGuard(user.ids?.uid, programs),
      bubblewrapArguments({ ...options, tmpBytes: limits.tmpMb * 1024 * 1024 }, { cwd, user, covers }),
    ]);
    filter ??= makeSeccompFilter(process.arch === 'arm64' ? 'arm64' : 'x64');
    const line = [...guard, program, ...args, '/bin/sh', '-c', limitingScript(limits), shell, command];
    return {
      program: line[0] as string,
      args: line.slice(1),
      cwd,
      environment: withPrivateTmp(user.environment),
      ids: user.ids,
      filter,
    };
  }

  const probe = (): Promise<SandboxState> =>
    probeBubblewrap({
      workspace,
      program: findProgram(),
      timeoutMs: probeTimeoutMs,
      prepareStart: (command) => prepareStart(command, workspace, []),
    });

  /** One look at a time, for all who ask. */
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
        throw refusal(`${state.reason}. It is tried again with the next command`);
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
    isolation,
    async prepare(command, cwd, covers) {
      try {
        return { start: await prepareStart(command, cwd, covers), refuse };
      } catch (error) {
        throw refuse('what must be hidden from it could not be looked at', error);
      }
    },
  };
}

/** The command was not run. */
function refusal(why: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError(
    'sandbox_unavailable',
    `The command was not run, because it could not run in the sandbox: ${why}.`,
    cause === undefined ? {} : { cause },
  );
}

/** /tmp of the command is its own, wherever the server's is. */
function withPrivateTmp(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { TMPDIR, TMP, TEMP, ...rest } = environment;
  return { ...rest, TMPDIR: '/tmp' };
}
