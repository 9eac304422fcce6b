// One process owns a database. The lock is an exclusive SQLite transaction held open on a file beside it: the system
// frees it when the process ends, however it ends, and a pid that is used again fools nobody. Who holds it is said in a second file.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StoreOpenError } from '../store-open-error.ts';
import { isBusy } from './sqlite-errors.ts';

export interface OwnerLock {
  release(): void;
}

/** @throws StoreOpenError `in_use`, naming the pid that holds the database and since when. */
export function takeOwnership(path: string, now: number): OwnerLock {
  const ownerFile = `${path}.owner`;
  const lock = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new StoreOpenError(
      'in_use',
      `${path} is in use ${describeOwner(ownerFile)}. Stop it first, or use another --home.`,
      {
        cause: error,
      },
    );
  }
  writeFileSync(ownerFile, `${JSON.stringify({ pid: process.pid, since: new Date(now).toISOString() })}\n`, {
    mode: 0o600,
  });
  return {
    release() {
      rmSync(ownerFile, { force: true });
      lock.close();
    },
  };
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
