// Errors of the store for the result codes of SQLite. Source: https://www.sqlite.org/rescode.html

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

/** With less free space, an I/O error counts as a full disk: SQLite reports `IOERR` if its `-shm` file cannot grow. */
const fullBelowBytes = 128 * 1024;

/** SQLITE_CONSTRAINT_FOREIGNKEY, an extended result code. */
const foreignKey = 787;

/** SQLITE_CONSTRAINT_PRIMARYKEY and SQLITE_CONSTRAINT_UNIQUE. */
const unique: ReadonlySet<unknown> = new Set([1555, 2067]);

/** The primary result code of an error of node:sqlite; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

/** Whether a row refers to one that does not exist. */
export function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === foreignKey;
}

/** Whether another row has the same key. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && unique.has(error.errcode);
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === primary.busy || code === primary.locked;
}

export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === primary.corrupt || code === primary.notADatabase;
}

/** Whether the row is invalid, so that the writes of other callers in the commit are not affected. */
export function isCallersFault(error: unknown): boolean {
  const code = sqliteCode(error);
  return (
    code === undefined || code === primary.constraint || code === primary.tooBig || code === primary.mismatch
  );
}

/** The error for the caller of a read or write. Other errors are returned unchanged. `directory` has the database. */
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

/** `directory` has the database. */
export function isOutOfSpace(error: unknown, directory: string): boolean {
  const code = sqliteCode(error);
  return code === primary.full || (code === primary.ioError && isDiskFull(directory));
}

function isDiskFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < fullBelowBytes;
  } catch {
    // The free space is not known, so the disk does not count as full.
    return false;
  }
}
