// The reason why a store could not be opened, in one line that says what to do.

/** `in_use`: another process has it open. `newer_version`: a later release wrote it. */
export type StoreOpenFailure = 'in_use' | 'newer_version' | 'corrupt' | 'unwritable';

export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
  readonly reason: StoreOpenFailure;

  constructor(reason: StoreOpenFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
