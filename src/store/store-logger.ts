// The logger of a store.

/** Gets messages for a person. A pino logger fits. Its errors are ignored. */
export interface StoreLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Logs that commits begin to fail, with the error, or without one that they work again. */
export function logStorageChange(logger: StoreLogger | undefined, failure: unknown): void {
  if (failure === undefined) logger?.warn({}, 'the store works again');
  else logger?.warn({ err: failure }, 'the store cannot commit; writes are refused until it works again');
}
