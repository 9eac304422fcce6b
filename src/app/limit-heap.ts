// Keeps V8's heap near what is in use. V8 lets it grow to several times of that while memory is free, and keeps up to
// 128 MB of a busy thread for new objects. The library does not do this: the flags apply to the whole process.

import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

interface Limits {
  /** The old objects are collected when they have grown by this much since the last time. 0: V8 decides. */
  readonly growingPercent: number;
  /** How much the space for new objects grows at once. */
  readonly youngFactor: number;
  /** Compile no optimized code, and give memory back after each collection of the old objects. */
  readonly isSaving: boolean;
}

const defaults: Limits = { growingPercent: 0, youngFactor: 2, isSaving: false };
/** Of new objects: two semi-spaces of 8 MiB. Smaller ones cost more time in collections than they save. */
const maxYoungBytes = 16 * 1024 * 1024;
/** Before V8 13 (Node.js 24), `--no-opt` changes further flags, and `--opt` does not change them back. */
const canSave = Number.parseInt(process.versions.v8, 10) >= 13;

let inForce = defaults;

/** Call it when the program is loaded: code does not die, so collections meanwhile would be in vain. */
export function limitHeap(): void {
  // The flag for the largest semi-space is read at the start of the process only, but the one for its growth always.
  const check = (): void =>
    change({ growingPercent: 50, youngFactor: youngBytes() < maxYoungBytes ? 2 : 1 });
  check();
  new PerformanceObserver(check).observe({ entryTypes: ['gc'] });
}

/**
 * Saves memory, at the cost of speed, until the returned function is called. Call it when all threads run: a thread
 * that starts meanwhile could never compile optimized code, and V8 crashes if it tries later.
 */
export function saveMemory(): () => void {
  change({ isSaving: canSave });
  return () => change({ isSaving: false });
}

/** Calls `work` without the limits: V8 takes a code cache only if its flags are those under which it was created. */
export function withoutLimits<T>(work: () => T): T {
  apply(defaults);
  try {
    return work();
  } finally {
    apply(inForce);
  }
}

function change(limits: Partial<Limits>): void {
  const wanted = { ...inForce, ...limits };
  const isSame = (Object.keys(wanted) as (keyof Limits)[]).every((name) => wanted[name] === inForce[name]);
  if (isSame) return;
  inForce = wanted;
  apply(wanted);
}

function apply({ growingPercent, youngFactor, isSaving }: Limits): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  setFlagsFromString(`--semi-space-growth-factor=${youngFactor}`);
  if (!canSave) return;
  setFlagsFromString(isSaving ? '--optimize-for-size' : '--no-optimize-for-size');
  setFlagsFromString(isSaving ? '--no-opt' : '--opt');
  // Off as well, because Maglev's code would never be optimized further if there is no other compiler when it is made.
  setFlagsFromString(isSaving ? '--no-maglev' : '--maglev');
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}
