// Ends a program together with everything it started. POSIX has process groups for that. Windows has `taskkill /T`,
// which finds the children of a program only while the program itself runs.

import { type ChildProcess, spawn } from 'node:child_process';

export interface GroupSystem {
  readonly platform: NodeJS.Platform;
  /** Like `process.kill`. */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** Starts a program and does not wait for it. */
  readonly run: (program: string, args: readonly string[]) => void;
}

const thisSystem: GroupSystem = {
  platform: process.platform,
  kill: (pid, signal) => process.kill(pid, signal),
  run(program, args) {
    const child = spawn(program, args, { stdio: 'ignore', windowsHide: true });
    // Without a listener, the error would end the server.
    child.on('error', () => undefined);
  },
};

/** Options of `spawn` for an own process group; on Windows, `detached` would open a console window instead. */
export function groupOptions(platform: NodeJS.Platform = process.platform): {
  readonly detached: boolean;
  readonly windowsHide: boolean;
} {
  return { detached: platform !== 'win32', windowsHide: true };
}

/** Signals the whole group, if it still exists. Windows has no signals: each of them ends the program. */
export function signalGroup(
  child: Pick<ChildProcess, 'pid' | 'exitCode' | 'signalCode'>,
  signal: NodeJS.Signals,
  { platform, kill, run }: GroupSystem = thisSystem,
): void {
  const { pid } = child;
  if (pid === undefined) return;
  if (platform === 'win32') {
    // Once it has ended, the pid may belong to another program.
    if (child.exitCode === null && child.signalCode === null)
      run('taskkill', ['/pid', String(pid), '/T', '/F']);
    return;
  }
  try {
    kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group is empty. EPERM (macOS): only zombies are left in it.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')))
      throw error;
  }
}
