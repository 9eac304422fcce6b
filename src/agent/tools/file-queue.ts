// One writer a file at a time, in this process. A file is known by its device and inode, so that links and hard links to it share one
// queue; a file that does not exist yet is known by its folder and name.

const queues = new Map<string, Promise<void>>();

/** How many files have work under way or waiting. */
export function queuedFiles(): number {
  return queues.size;
}

/**
 * Runs `work` alone among all work on the same file. `identify` is asked again when the turn comes: the file may have been replaced
 * meanwhile, and then the work waits in the queue of the new one.
 */
export async function inFileQueue<T>(
  identify: () => Promise<string>,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  let key = await identify();
  for (;;) {
    const leave = await enter(key, signal);
    try {
      const now = await identify();
      if (now === key) return await work();
      key = now;
    } finally {
      leave();
    }
  }
}

/** Resolves when all that came before is done, to the function that lets the next one in. */
async function enter(key: string, signal: AbortSignal | undefined): Promise<() => void> {
  signal?.throwIfAborted();
  const before = queues.get(key);
  const { promise, resolve: open } = Promise.withResolvers<void>();
  const own = before === undefined ? promise : before.then(() => promise);
  queues.set(key, own);
  const leave = (): void => {
    if (queues.get(key) === own) queues.delete(key);
    open();
  };
  try {
    if (before !== undefined) await raceAbort(before, signal);
  } catch (error) {
    // Those behind still wait for those ahead: `own` resolves after both.
    if (before !== undefined) void before.then(leave);
    throw error;
  }
  return leave;
}

async function raceAbort(waited: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return waited;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([waited, promise]);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
