// Lets one writer at a time work on a file, in this process. A file is identified by device and inode, so all links to
// it share one queue; a file that does not exist yet is identified by folder and name.

const queues = new Map<string, Promise<void>>();

/** The number of files with running or waiting work. */
export function queuedFiles(): number {
  return queues.size;
}

/**
 * Runs `work` while no other work on the same file runs. Calls `identify` again when its turn comes: if the file was
 * replaced meanwhile, the work waits in the queue of the new file.
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

/** Resolves when all earlier work is done, to the function that lets the next one in. */
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
    // Later work still waits for earlier work: `own` resolves after both.
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
