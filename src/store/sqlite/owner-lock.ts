// One process owns a database. The lock is an open exclusive SQLite transaction on a file beside it. The system
// releases it when the process ends in any way, and a reused pid does no harm. A second file names the owner.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../store-open-error.ts';
import { createPrivateFile } from './private-file.ts';
import { isBusy } from './sqlite-errors.ts';

export interface OwnerLock {
  release(): void;
}

/**
 * Lock the database for this process until `release()` or the end of the process. `path` must be the real path, because
 * two names of one file must lead to the same lock.
 * @throws StoreOpenError `in_use`, with the pid of the owner and the time since it has the lock
 */
export function takeOwnership(path: string, now: number): OwnerLock {
  const lockFile = `${path}.lock`;
  const ownerFile = `${path}.owner`;
  // Private, because a user who can read the file could take the lock.
  createPrivateFile(lockFile);
  // POSIX locks end when the process closes any handle of the file, so only SQLite may open it from here on.
  const lock = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new StoreOpenError(
      'in_use',
      `${path} is in use ${describeOwner(ownerFile)}. Stop it first, or use another --home.`,
      { cause: error },
    );
  }
  writeOwner(ownerFile, now);
  return {
    release() {
      // In this order, because the file belongs to the next owner once the lock is free.
      removeIfPossible(ownerFile);
      lock.close();
    },
  };
}

/** Ignore errors: a full disk must not prevent a person from opening the store to free space. */
function writeOwner(ownerFile: string, now: number): void {
  const owner = JSON.stringify({ pid: process.pid, since: new Date(now).toISOString() });
  try {
    // A file from a crash, or planted by someone, is neither followed nor written to.
    rmSync(`${ownerFile}.new`, { force: true });
    writeFileSync(`${ownerFile}.new`, `${owner}\n`, { mode: 0o600, flag: 'wx' });
    // Renamed, so that no reader sees half of it.
    renameSync(`${ownerFile}.new`, ownerFile);
  } catch {
    // An old file would name the wrong owner.
    removeIfPossible(`${ownerFile}.new`);
    removeIfPossible(ownerFile);
  }
}

/** Ignore errors: a file that cannot be removed must not prevent closing. Only the lock counts. */
function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The next owner replaces it.
  }
}

function describeOwner(ownerFile: string): string {
  let owner: unknown;
  try {
    owner = JSON.parse(readFileSync(ownerFile, 'utf8'));
  } catch {
    // Not written yet, or already removed. Only the lock counts; the file just names the owner.
    return 'by another process';
  }
  if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('since' in owner))
    return 'by another process';
  const whose = owner.pid === process.pid ? ' (this process)' : '';
  return `by process ${String(owner.pid)}${whose} since ${String(owner.since)}`;
}
