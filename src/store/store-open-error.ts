// Why a store could not be opened, in one line that a person can act on.

/** `in_use`: another process holds it; `newer_version`: a later release wrote it; `corrupt`, `unwritable`: as they say. */
export type StoreOpenFailure = 'in_use' | 'newer_version' | 'corrupt' | 'unwritable';

export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
  readonly reason: StoreOpenFailure;

  constructor(reason: StoreOpenFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
