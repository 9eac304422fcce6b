// Calls a function of the host application: its logger, its `warn`, its hooks. Errors are dropped, now and later, so
// that they cannot interrupt the caller's own work.

/** Calls `call` and drops what it throws. If it returns a promise, its rejection is dropped too. */
export function callHost(call: () => unknown): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // The host's own error handling has failed; it cannot be reported.
  }
}
