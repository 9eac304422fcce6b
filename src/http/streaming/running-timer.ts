// A timer for slow readers. It begins again after the process stood still, because nothing was sent meanwhile.

/** If a timer is later than this, the process stood still. */
const lateMs = 100;

/** Calls `work` after `ms`. Returns a function that stops the timer. */
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
