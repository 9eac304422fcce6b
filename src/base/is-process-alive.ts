import { readFileSync } from 'node:fs';

/** Whether a process with this pid runs, even as another user (EPERM). The pid may belong to a new process by now. */
export function isProcessAlive(pid: number): boolean {
  if (!exists(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    // In a container without an init process, a process that has ended can stay as a zombie.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // It has just ended, or processes of other users are hidden.
    return exists(pid);
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
