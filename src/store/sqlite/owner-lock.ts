// One process owns a database. The lock is an exclusive SQLite transaction held open on a file beside it: the system
// frees it when the process ends, however it ends, and a pid that is used again fools nobody. Who holds it is said in a second file.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../store-open-error.ts';
import { createPrivateFile } from './private-file.ts';
import { isBusy } from './sqlite-errors.ts';

export interface OwnerLock {
  release(): void;
}

/**
 * Takes the database for this process until `release()` or the end of the process. `path` must be the real path: two names of one
 * file must not lead to two locks.
 * @throws StoreOpenError `in_use`, naming the pid that holds the database and since when.
 */
export function takeOwnership(path: string, now: number): OwnerLock {
  const lockFile = `${path}.lock`;
  const ownerFile = `${path}.owner`;
  // Private, or another user of the machine could hold the lock by merely reading.
  createPrivateFile(lockFile);
  // POSIX locks die when the process closes any handle on the file: nothing but SQLite may open it from here on.
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
      // In this order: once the lock is free, the file is the next owner's.
      removeIfPossible(ownerFile);
      lock.close();
    },
  };
}

/** Best effort: a full disk must not keep a person from opening the store to make space in it. */
function writeOwner(ownerFile: string, now: number): void {
  const owner = JSON.stringify({ pid: process.pid, since: new Date(now).toISOString() });
  try {
    // What a crash left, or somebody planted: it is neither followed nor written to.
    rmSync(`${ownerFile}.new`, { force: true });
    writeFileSync(`${ownerFile}.new`, `${owner}\n`, { mode: 0o600, flag: 'wx' });
    // Renamed into place, so that nobody reads half of it.
    renameSync(`${ownerFile}.new`, ownerFile);
  } catch {
    // An old file would name the wrong holder; better none.
    removeIfPossible(`${ownerFile}.new`);
    removeIfPossible(ownerFile);
  }
}

/** The lock alone decides; a file that stays on a read-only disk must not keep a store from closing. */
function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // It names a process that holds nothing; whoever meets the lock next says so in its place.
  }
}

function describeOwner(ownerFile: string): string {
  let owner: unknown;
  try {
    owner = JSON.parse(readFileSync(ownerFile, 'utf8'));
  } catch {
    // Not written yet, or gone again: the lock alone decides; this file only helps to say who.
    return 'by another process';
  }
  if (typeof owner !== 'object' || owner === null || !('pid' in owner) || !('since' in owner))
    return 'by another process';
  const whose = owner.pid === process.pid ? ' (this process)' : '';
  return `by process ${String(owner.pid)}${whose} since ${String(owner.since)}`;
}
