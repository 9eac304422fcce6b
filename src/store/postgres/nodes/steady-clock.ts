// A clock for leases. It never goes back, and it also counts the time that the machine was suspended, which the
// monotonic clock leaves out: after a suspension, leases must have ended.

/** A smaller jump of the wall clock is a correction, not a suspension. */
const correctionMs = 500;

/** A step forward of the wall clock counts as a suspension: then the lease ends early, and is renewed at once. */
export function createSteadyClock(
  monotonic: () => number = () => performance.now(),
  wall: () => number = Date.now,
): () => number {
  let lastMonotonic = monotonic();
  let lastWall = wall();
  let now = lastMonotonic;
  return () => {
    const [nextMonotonic, nextWall] = [monotonic(), wall()];
    const passed = nextMonotonic - lastMonotonic;
    const passedByWall = nextWall - lastWall;
    now += passedByWall > passed + correctionMs ? passedByWall : passed;
    lastMonotonic = nextMonotonic;
    lastWall = nextWall;
    return now;
  };
}
