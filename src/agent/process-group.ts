// A program that is started here ends together with everything that it started. POSIX has process groups for that; Windows has none, and its
// `taskkill /T` finds the children of a program only as long as the program itself runs.

import { type ChildProcess, spawn } from 'node:child_process';

export interface GroupSystem {
  readonly platform: NodeJS.Platform;
  /** As `process.kill`. */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** Starts a program and forgets it. */
  readonly run: (program: string, args: readonly string[]) => void;
}

const thisSystem: GroupSystem = {
  platform: process.platform,
  kill: (pid, signal) => process.kill(pid, signal),
  run(program, args) {
    const child = spawn(program, args, { stdio: 'ignore', windowsHide: true });
    // There is nothing to be done about it, and without a listener it would end the server.
    child.on('error', () => undefined);
  },
};

/** Options of `spawn`: a group of its own; on Windows, `detached` would open a console window instead. */
export function groupOptions(platform: NodeJS.Platform = process.platform): {
  readonly detached: boolean;
  readonly windowsHide: boolean;
} {
  return { detached: platform !== 'win32', windowsHide: true };
}

/** Signals the whole group; nothing if it is gone. Windows knows no signals: each of them ends the program. */
export function signalGroup(
  child: Pick<ChildProcess, 'pid' | 'exitCode' | 'signalCode'>,
  signal: NodeJS.Signals,
  { platform, kill, run }: GroupSystem = thisSystem,
): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (platform === 'win32') {
    // After its end the number may be another program's.
    if (child.exitCode === null && child.signalCode === null)
      run('taskkill', ['/pid', String(pid), '/T', '/F']);
    return;
  }
  try {
    kill(-pid, signal);
  } catch (error) {
    // ESRCH: nobody is left in the group. EPERM (macOS): only zombies are.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')))
      throw error;
  }
}
