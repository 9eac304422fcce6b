// Describes the machine during a run: figures from a busy machine or a slow disk must be recognisable as such.

import { closeSync, fdatasyncSync, openSync, statfsSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { onDisk } from './disk-folder.ts';
import { quantile } from './rounds.ts';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly node: string;
  /** Of the last minute. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Median of a write of 4 KB and its fdatasync in the benchmark's folder, in ms. */
  readonly fdatasyncMs: number;
  /** The benchmark's folder is in memory, so no figure is about a disk. */
  readonly isTmpfs: boolean;
}

const syncs = 200;
const tmpfsMagic = 0x01021994;

export function loadNow(): number {
  return loadavg()[0] ?? Number.NaN;
}

export function describeMachine(): Promise<Omit<Machine, 'loadBefore' | 'loadAfter'>> {
  return onDisk(async (folder) => ({
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.version,
    fdatasyncMs: measureSync(join(folder, 'sync')),
    isTmpfs: statfsSync(folder).type === tmpfsMagic,
  }));
}

function measureSync(path: string): number {
  const file = openSync(path, 'w', 0o600);
  const page = Buffer.alloc(4096, 1);
  try {
    const times = Array.from({ length: syncs }, () => {
      const startedAt = performance.now();
      writeSync(file, page);
      fdatasyncSync(file);
      return performance.now() - startedAt;
    });
    return quantile(times, 0.5);
  } finally {
    closeSync(file);
  }
}

/** One line above the table. */
export function machineLine(machine: Machine): string {
  const { cores, cpu, node, loadBefore, loadAfter, fdatasyncMs, isTmpfs } = machine;
  const disk = isTmpfs ? 'a tmpfs, so no disk was measured' : `fdatasync p50 ${fdatasyncMs.toFixed(2)} ms`;
  const busy = Math.max(loadBefore, 0) > cores ? ' (busy with other work: the figures are rough)' : '';
  return `${cores} cores (${cpu}), Node.js ${node}, ${disk}, load ${loadBefore.toFixed(1)} before and ${loadAfter.toFixed(1)} after${busy}`;
}
