// The CPU time of a process and its children, those that have ended included.

import { readdirSync, readFileSync } from 'node:fs';

/** Of a clock tick. Linux counts the time of processes in ticks of this length. */
const tickMs = 10;

export function groupCpuMs(parent: number): number {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => timesOf(Number(pid)) ?? []);
  const ofGroup = all.filter(({ pid, parentPid }) => pid === parent || parentPid === parent);
  return ofGroup.reduce((sum, { ticks }) => sum + ticks * tickMs, 0);
}

interface Times {
  readonly pid: number;
  readonly parentPid: number;
  /** Its own, and those of its children that have ended. */
  readonly ticks: number;
}

/** Undefined if the process has ended meanwhile. */
function timesOf(pid: number): Times | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before may have spaces: see proc_pid_stat(5).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [user, system, endedUser, endedSystem] = fields.slice(11, 15).map(Number);
    const ticks = (user ?? 0) + (system ?? 0) + (endedUser ?? 0) + (endedSystem ?? 0);
    return { pid, parentPid: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}
