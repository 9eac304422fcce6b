// A clock that a test moves.

import type { Timers } from '../../../src/agent/acp/acp-types.ts';

export interface ManualTimers extends Timers {
  /** Moves the clock, and runs what is due in its order. */
  advance(ms: number): void;
  /** The times that are left until each timer is due. */
  readonly waiting: readonly number[];
}

export function manualTimers(): ManualTimers {
  let time = 1000;
  let timers: { readonly at: number; readonly work: () => void }[] = [];
  return {
    now: () => time,
    after(ms, work) {
      const timer = { at: time + ms, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    advance(ms) {
      const end = time + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
        if (next === undefined) break;
        timers = timers.filter((one) => one !== next);
        time = Math.max(time, next.at);
        next.work();
      }
      time = end;
    },
    get waiting() {
      return timers.map(({ at }) => at - time);
    },
  };
}
