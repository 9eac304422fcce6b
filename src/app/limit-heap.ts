// Keeps V8's heap close to the memory in use. V8 lets it grow to several times of that while memory is free, and keeps
// up to 128 MB of a busy thread for new objects. The library does not do this: the flags apply to the whole process.

import { PerformanceObserver } from 'node:perf_hooks';
import { isDeepStrictEqual } from 'node:util';
import { cachedDataVersionTag, getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

interface Limits {
  /** The old objects are collected when they have grown by this much since the last time. 0: V8 decides. */
  readonly growingPercent: number;
  /** How much the space for new objects grows at once. */
  readonly youngFactor: number;
  /**
   * No optimized code is compiled, the space for new objects does not grow, and each collection of the old objects gives
   * memory back.
   */
  readonly isSaving: boolean;
}

const defaults: Limits = { growingPercent: 0, youngFactor: 2, isSaving: false };
/** Of new objects: two semi-spaces of 8 MiB. Smaller ones cost more time in collections than they save. */
const maxYoungBytes = 16 * 1024 * 1024;
/**
 * Maglev is switched, too: code that it compiles while there is no other compiler would never be optimized further.
 */
const compilerFlags = [
  { saving: '--optimize-for-size', usual: '--no-optimize-for-size' },
  { saving: '--no-opt', usual: '--opt' },
  { saving: '--no-maglev', usual: '--maglev' },
] as const;

let inForce = defaults;
let canSave = false;

/** Call it when the program is loaded: code does not die, so earlier collections would free nothing. */
export function limitHeap(): void {
  // The flag for the largest semi-space is read at the start of the process only, but the one for its growth always.
  const check = (): void => change({ growingPercent: 50, youngFactor: youngBytes() < maxYoungBytes ? 2 : 1 });
  check();
  new PerformanceObserver(check).observe({ entryTypes: ['gc'] });
}

/**
 * Saves memory, at the cost of speed, until the returned function is called. Call it when all threads run: V8 prepares
 * a thread for Maglev only when it starts, so one that starts meanwhile would crash when Maglev is on again.
 */
export function saveMemory(): () => void {
  canSave ||= mayChangeCompilers();
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
  if (isDeepStrictEqual(wanted, inForce)) return;
  inForce = wanted;
  apply(wanted);
}

function apply({ growingPercent, youngFactor, isSaving }: Limits): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  setFlagsFromString(`--semi-space-growth-factor=${isSaving ? 1 : youngFactor}`);
  if (!canSave) return;
  for (const { saving, usual } of compilerFlags) setFlagsFromString(isSaving ? saving : usual);
}

/** False if the process runs with other flags than V8's own, such as `--jitless`: they must stay in force. */
function mayChangeCompilers(): boolean {
  // In older versions (before Node.js 24), `--no-opt` changes further flags that `--opt` does not change back.
  if (Number.parseInt(process.versions.v8, 10) < 13) return false;
  return compilerFlags.every(({ saving, usual }) => {
    const before = cachedDataVersionTag();
    setFlagsFromString(usual);
    // A hash of all flags that are not V8's own.
    if (cachedDataVersionTag() === before) return true;
    setFlagsFromString(saving);
    return false;
  });
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}
