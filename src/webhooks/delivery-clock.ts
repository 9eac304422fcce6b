// The time that deliveries are scheduled by. The wall clock may be set forward or back, or the machine may sleep; here time never goes
// back, and a jump forward makes retries due without making anything expire.

export interface DeliveryClock {
  /** Unix ms as the wall clock says: for signatures and for people. */
  wall(): number;
  /** What due times are written and compared in: follows the wall clock forward, never back. */
  now(): number;
  /** Runs evenly, without the jumps: what has waited long enough to be given up. */
  patient(): number;
}

export interface DeliveryClockOptions {
  /** Unix ms. @default Date.now */
  readonly wall?: () => number;
  /** Milliseconds from any start, never set. @default performance.now */
  readonly monotonic?: () => number;
}

/** A smaller difference is the clock being adjusted, not a jump. */
const jumpMs = 5000;

export function createDeliveryClock({
  wall = Date.now,
  monotonic = () => performance.now(),
}: DeliveryClockOptions = {}): DeliveryClock {
  const start = wall() - monotonic();
  let offset = start;
  return {
    wall,
    now() {
      const steady = monotonic() + offset;
      const ahead = wall() - steady;
      if (ahead <= jumpMs) return Math.floor(steady);
      offset += ahead;
      return Math.floor(steady + ahead);
    },
    patient: () => Math.floor(monotonic() + start),
  };
}
