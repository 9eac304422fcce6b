// A timer for readers. It does not count the time in which this process stood still, because nothing was sent then.

/** A timer that is later than this shows that the process stood still. */
const lateMs = 100;

/** Calls `work` after `ms`. Begins again if the process stood still meanwhile. Returns a function that stops the timer. */
export function startRunningTimer(ms: number, work: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const dueAt = performance.now() + ms;
    // The connection keeps the process alive.
    timer = setTimeout(() => (performance.now() - dueAt > lateMs ? wait() : work()), ms).unref();
  };
  wait();
  return () => clearTimeout(timer);
}
