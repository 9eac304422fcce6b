// A timer for any time: setTimeout fires at once beyond 24.8 days.

const longestMs = 2_147_483_647;

/** Returns a function that stops it. */
export function startLongTimer(ms: number, work: () => void): () => void {
  let leftMs = ms;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    const part = Math.min(leftMs, longestMs);
    leftMs -= part;
    timer = setTimeout(leftMs > 0 ? next : work, part);
  };
  next();
  return () => clearTimeout(timer);
}
