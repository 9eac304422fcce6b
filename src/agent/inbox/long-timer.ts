// A timer for a time of the clock, however far away. `setTimeout` fires at once beyond 24.8 days, and stands still while
// the machine sleeps, so the clock is read again at least once a minute.

const longestMs = 60_000;

/** Calls `work` soon after `at` (Unix ms). Returns a function that stops it. */
export function startLongTimer({ at, now }: { at: number; now: () => number }, work: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    timer = setTimeout(look, Math.min(Math.max(at - now(), 0), longestMs));
  };
  const look = (): void => (now() < at ? wait() : work());
  wait();
  return () => clearTimeout(timer);
}
