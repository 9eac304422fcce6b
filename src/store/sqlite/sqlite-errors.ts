// What SQLite's result codes mean for those who wait for a write. Source: https://www.sqlite.org/rescode.html

import { statfsSync } from 'node:fs';
import { CodeBuddyError } from '../../base/errors.ts';

const primary = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  tooBig: 18,
  constraint: 19,
  mismatch: 20,
  notADatabase: 26,
};

/** Below this many free bytes an I/O error is one of space: SQLite says `IOERR` when it cannot grow its `-shm` file. */
const fullBelowBytes = 128 * 1024;

/** SQLITE_CONSTRAINT_FOREIGNKEY, an extended result code. */
const foreignKey = 787;

/** The primary result code of an error of node:sqlite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

/** True if a row refers to one that is not there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === foreignKey;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === primary.busy || code === primary.locked;
}

export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === primary.corrupt || code === primary.notADatabase;
}

/** True where the row itself is at fault, not the storage: other callers' writes in the same commit are fine. */
export function isCallersFault(error: unknown): boolean {
  const code = sqliteCode(error);
  return (
    code === undefined || code === primary.constraint || code === primary.tooBig || code === primary.mismatch
  );
}

/** What the caller of a read or write is told; errors that are not of the storage pass unchanged. `directory` holds the database. */
export function toStorageError(error: unknown, directory: string): unknown {
  if (isCallersFault(error)) return error;
  const code = sqliteCode(error);
  if (isOutOfSpace(error, directory)) {
    return new CodeBuddyError(
      'storage_full',
      'The disk is full; nothing was changed. Try again when there is space.',
      { cause: error },
    );
  }
  const detail =
    code === primary.readOnly
      ? 'The store is read-only now; nothing was changed.'
      : 'The store cannot be used now; nothing was changed.';
  return new CodeBuddyError('storage_unavailable', detail, { cause: error });
}

/** `directory` holds the database. */
export function isOutOfSpace(error: unknown, directory: string): boolean {
  const code = sqliteCode(error);
  return code === primary.full || (code === primary.ioError && isDiskFull(directory));
}

function isDiskFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < fullBelowBytes;
  } catch {
    // A disk that cannot even be asked has a worse trouble than being full.
    return false;
  }
}
