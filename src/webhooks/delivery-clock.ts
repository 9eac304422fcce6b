// The clock that deliveries are scheduled by. The wall clock may be set forward or back, and the machine may sleep. The
// delivery clock never goes back; a jump forward makes retries due, but makes nothing expire.

export interface DeliveryClock {
  /** The wall clock in Unix ms: for signatures and for people. */
  wall(): number;
  /** Unix ms. Due times are stored and compared in it; it follows the wall clock forward, never back. */
  now(): number;
  /** Unix ms, without jumps: decides whether a delivery has expired. */
  patient(): number;
}

export interface DeliveryClockOptions {
  /** Unix ms. @default Date.now */
  readonly wall?: () => number;
  /** Milliseconds since any fixed point. @default performance.now */
  readonly monotonic?: () => number;
}

/** A smaller difference is an adjustment of the clock, not a jump. */
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
