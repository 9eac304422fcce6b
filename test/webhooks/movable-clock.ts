// A clock whose wall and steady time a test moves. Timers stay real: whatever a jump makes due starts at the next event.

export interface MovableClock {
  readonly clock: { readonly wall: () => number; readonly monotonic: () => number };
  /** The wall clock is set. */
  jump(ms: number): void;
  /** Time really passes. */
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

/** A clock that stands still until a test moves it. */
export function stoppedClock(start = Date.now()): Pick<MovableClock, 'clock' | 'pass'> {
  let passed = 0;
  return {
    clock: { wall: () => start + passed, monotonic: () => passed },
    pass(ms) {
      passed += ms;
    },
  };
}
