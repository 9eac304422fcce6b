// Keeps V8's heap close to the memory in use. V8 lets it grow to several times of that while memory is free, and keeps
// up to 128 MB of a busy thread for new objects. The library does not do this: the flags apply to the whole process.

import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

interface Limits {
  /** The old objects are collected when they have grown by this much since the last time. 0: V8 decides. */
  readonly growingPercent: number;
  /** How much the space for new objects grows at once. */
  readonly youngFactor: number;
}

const defaults: Limits = { growingPercent: 0, youngFactor: 2 };
const growing: Limits = { growingPercent: 50, youngFactor: 2 };
const grown: Limits = { ...growing, youngFactor: 1 };
/** Of new objects: two semi-spaces of 8 MiB. Smaller ones cost more time in collections than they save. */
const maxYoungBytes = 16 * 1024 * 1024;

let inForce = defaults;

/** Call it when the program is loaded: code does not die, so earlier collections would free nothing. */
export function limitHeap(): void {
  // The flag for the largest semi-space is read at the start of the process only, but the one for its growth always.
  const check = (): void => {
    const wanted = youngBytes() < maxYoungBytes ? growing : grown;
    if (wanted === inForce) return;
    inForce = wanted;
    apply(wanted);
  };
  check();
  new PerformanceObserver(check).observe({ entryTypes: ['gc'] });
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

function apply({ growingPercent, youngFactor }: Limits): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  setFlagsFromString(`--semi-space-growth-factor=${youngFactor}`);
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}
