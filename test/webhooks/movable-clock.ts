// Clocks that a test moves. Timers stay real: what a jump makes due starts at the next event.

export interface MovableClock {
  readonly clock: { readonly wall: () => number; readonly monotonic: () => number };
  /** Set the wall clock. */
  jump(ms: number): void;
  /** Let time pass. */
  pass(ms: number): void;
}

export function movableClock(): MovableClock {
  let wallOffset = 0;
  let steadyOffset = 0;
  return {
    clock: { wall: () => Date.now() + wallOffset, monotonic: () => performance.now() + steadyOffset },
    jump(ms) {
      wallOffset += ms;
    },
    pass(ms) {
      wallOffset += ms;
      steadyOffset += ms;
    },
  };
}

export interface StoppedClock extends Pick<MovableClock, 'clock' | 'pass'> {
  /** How often the steady time was read. */
  readonly reads: number;
}

/** A clock that stands still until a test moves it. */
export function stoppedClock(start = Date.now()): StoppedClock {
  let passed = 0;
  let reads = 0;
  return {
    clock: {
      wall: () => start + passed,
      monotonic() {
        reads++;
        return passed;
      },
    },
    pass(ms) {
      passed += ms;
    },
    get reads() {
      return reads;
    },
  };
}

/**
 * A clock that runs fifty times as fast: two seconds of patience pass in 40 ms. It advances by a second at most
 * between two reads, so that a pause of a slow machine does not use up a time limit.
 */
export function fastClock(): MovableClock['clock'] {
  let [shown, lookedAt] = [0, performance.now()];
  return {
    wall: Date.now,
    monotonic() {
      const now = performance.now();
      shown += Math.min((now - lookedAt) * 50, 1000);
      lookedAt = now;
      return shown;
    },
  };
}
