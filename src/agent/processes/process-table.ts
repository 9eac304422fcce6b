// Reads the processes of this machine from /proc (Linux). A process is identified by pid and start time together, since
// pids are reused.

import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** In clock ticks since the machine started. */
  readonly startedAt: number;
  /** The environment at the start of the process; empty if it may not be read. */
  readonly environment: Buffer;
}

/** Processes that are read between two turns of the event loop: a few milliseconds. */
const perTurn = 100;

export const hasProcessTable = process.platform === 'linux';

/** All running processes except this one. */
export async function listProcesses(): Promise<readonly ProcessEntry[]> {
  const entries: ProcessEntry[] = [];
  let looked = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    if (++looked % perTurn === 0) await nextTurn();
    const entry = readProcess(Number(name));
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/** Undefined if it has ended. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const stat = read(`/proc/${pid}/stat`)?.toString('latin1');
  if (stat === undefined) return undefined;
  // The name in parentheses may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  if (state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    parent: Number(parent),
    startedAt: Number(fields[19]),
    environment: read(`/proc/${pid}/environ`) ?? Buffer.alloc(0),
  };
}

/**
 * A process and its descendants, found by asking each process for its children: the time does not depend on the number
 * of processes.
 */
export function readTree(pid: number): readonly ProcessEntry[] {
  const tree = new Map<number, ProcessEntry>();
  const next = [pid];
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    const entry = tree.has(one) ? undefined : readProcess(one);
    if (entry === undefined) continue;
    tree.set(one, entry);
    next.push(...childrenOf(one));
  }
  return [...tree.values()];
}

/** Empty where the kernel does not list them. */
function childrenOf(pid: number): readonly number[] {
  let threads: readonly string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended.
    return [];
  }
  return threads.flatMap((thread) => {
    const text = read(`/proc/${pid}/task/${thread}/children`)?.toString('latin1').trim() ?? '';
    return text === '' ? [] : text.split(' ').map(Number);
  });
}

/** Identifies this start of the machine; undefined if it cannot be read. */
export function readBootId(): string | undefined {
  return read('/proc/sys/kernel/random/boot_id')?.toString('latin1').trim();
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // The process has ended or belongs to another user.
    return undefined;
  }
}
