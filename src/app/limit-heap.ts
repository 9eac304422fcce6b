// Keeps V8's heap near what is in use. V8 lets it grow to several times of that while memory is free, and keeps up to
// 128 MB of a busy thread for new objects. The library does not do this: the flags apply to the whole process.

import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Of new objects: two semi-spaces of 8 MiB. Smaller ones cost more time in collections than they save. */
const maxYoungBytes = 16 * 1024 * 1024;
/** The old objects are collected when they have grown by this much since the last time. */
const growingPercent = 30;

/** Call it when the program is loaded: code does not die, so collections meanwhile would be in vain. */
export function limitHeap(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
  // The flag for the largest semi-space is read at the start of the process only, but the one for its growth always.
  let mayGrow = true;
  const check = (): void => {
    const hasRoom = youngBytes() < maxYoungBytes;
    if (hasRoom === mayGrow) return;
    mayGrow = hasRoom;
    setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`);
  };
  check();
  new PerformanceObserver(check).observe({ entryTypes: ['gc'] });
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return young?.space_size ?? 0;
}
