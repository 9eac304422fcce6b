// What SQLite's result codes mean for those who wait for a write. Source: https://www.sqlite.org/rescode.html

import { CodeBuddyError } from '../../errors.ts';

const primary = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  constraint: 19,
  notADatabase: 26,
};

/** The primary result code of an error of node:sqlite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === primary.busy || code === primary.locked;
}

export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === primary.corrupt || code === primary.notADatabase;
}

/** True where the row itself is at fault: other callers' writes in the same commit are not. */
export function isCallersFault(error: unknown): boolean {
  return sqliteCode(error) === primary.constraint;
}

/** What the caller of a read or write is told; errors that are not SQLite's own pass unchanged. */
export function toStorageError(error: unknown): unknown {
  switch (sqliteCode(error)) {
    case undefined:
    case primary.constraint:
      return error;
    case primary.full:
      return new CodeBuddyError(
        'storage_full',
        'The disk is full; nothing was changed. Try again when there is space.',
        {
          cause: error,
        },
      );
    case primary.readOnly:
      return new CodeBuddyError('storage_unavailable', 'The store is read-only now; nothing was changed.', {
        cause: error,
      });
    default:
      return new CodeBuddyError('storage_unavailable', 'The store cannot be used now; nothing was changed.', {
        cause: error,
      });
  }
}
