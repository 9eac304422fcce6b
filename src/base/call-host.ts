// Calls out to the host application: its logger, its `warn`, its hooks. A fault of the host must not leave our own work half done, so
// nothing that it throws, now or later, comes back. Every module may import it.

/** Calls `call` and drops what it throws. If it returns a promise, its rejection is dropped too. */
export function callHost(call: () => unknown): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // There is nobody left to tell.
  }
}
