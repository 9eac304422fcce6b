import type { Timers } from './acp-types.ts';

/** Timers of the system. They do not keep the process alive. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms).unref();
    return () => clearTimeout(timer);
  },
};
