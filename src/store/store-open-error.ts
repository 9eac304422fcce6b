// The reason why a store could not be opened, in one line that says what to do.

/**
 * - `in_use`: another process has it open.
 * - `newer_version`: a later release wrote it.
 * - `unreachable`: the database server does not answer now; it may be starting.
 * - `refused`: the database server refuses the login or the database, or the URL is invalid.
 * - `unsupported`: the database server lacks something that the store needs.
 */
export type StoreOpenFailure =
  | 'in_use'
  | 'newer_version'
  | 'corrupt'
  | 'unwritable'
  | 'unreachable'
  | 'refused'
  | 'unsupported';

export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
  readonly reason: StoreOpenFailure;

  constructor(reason: StoreOpenFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
