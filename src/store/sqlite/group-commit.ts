// Many callers, few fsyncs: all that was asked for in one turn of the event loop is committed together. All of a caller's writes are
// kept or none; if one caller's row is at fault, the group is rolled back and done again one by one, so only that caller hears of it.

import type { DatabaseSync } from 'node:sqlite';
import { CodeBuddyError } from '../../errors.ts';
import type { Write } from '../store.ts';
import { isCallersFault, toStorageError } from './sqlite-errors.ts';

interface Waiting {
  readonly writes: readonly Write[];
  readonly resolve: (sequences: readonly number[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Rows a commit holds at most: keeps the pause of one commit to some milliseconds. */
const maxRowsPerCommit = 2000;
/** Rows that may wait; beyond, callers are told at once instead of filling memory. */
const maxRowsWaiting = 100_000;

export interface GroupCommit {
  write(writes: readonly Write[]): Promise<readonly number[]>;
  /** Commits all that waits, at once. */
  flush(): void;
}

/** `apply` does one write inside the transaction and returns the sequence of an event. */
export function createGroupCommit(
  database: DatabaseSync,
  apply: (write: Write) => number | undefined,
): GroupCommit {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  let queue: Waiting[] = [];
  let rowsWaiting = 0;
  let scheduled: NodeJS.Immediate | undefined;

  function applyAll(group: readonly Waiting[]): number[][] {
    begin.run();
    try {
      const results = group.map(({ writes }) => {
        const sequences: number[] = [];
        for (const write of writes) {
          const sequence = apply(write);
          if (sequence !== undefined) sequences.push(sequence);
        }
        return sequences;
      });
      commit.run();
      return results;
    } catch (error) {
      // SQLite ends the transaction by itself on some errors, a full disk among them.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  function commitGroup(group: readonly Waiting[]): void {
    let results: number[][];
    try {
      results = applyAll(group);
    } catch (error) {
      const [only, ...others] = group;
      if (only === undefined) return;
      if (others.length > 0 && (isCallersFault(error) || !isStorageError(error))) {
        for (const one of group) commitGroup([one]);
        return;
      }
      const told = toStorageError(error);
      for (const { reject } of group) reject(told);
      return;
    }
    for (const [index, { resolve }] of group.entries()) resolve(results[index] as number[]);
  }

  /** Takes callers up to the size of one commit. */
  function takeGroup(): Waiting[] {
    let rows = 0;
    let size = 0;
    while (size < queue.length && rows < maxRowsPerCommit) {
      rows += (queue[size] as Waiting).writes.length;
      size++;
    }
    const group = queue.slice(0, size);
    queue = queue.slice(size);
    rowsWaiting -= rows;
    return group;
  }

  /** One commit a turn, so that requests are served between the commits of a long queue. */
  function commitNext(): void {
    commitGroup(takeGroup());
    scheduled = queue.length > 0 ? setImmediate(commitNext) : undefined;
  }

  return {
    write(writes) {
      if (rowsWaiting + writes.length > maxRowsWaiting) {
        return Promise.reject(
          new CodeBuddyError(
            'storage_unavailable',
            `More than ${maxRowsWaiting} writes wait for the disk; try again later.`,
            {
              headers: { 'Retry-After': '1' },
            },
          ),
        );
      }
      rowsWaiting += writes.length;
      return new Promise((resolve, reject) => {
        queue.push({ writes, resolve, reject });
        scheduled ??= setImmediate(commitNext);
      });
    },
    flush() {
      if (scheduled !== undefined) clearImmediate(scheduled);
      scheduled = undefined;
      while (queue.length > 0) commitGroup(takeGroup());
    },
  };
}

function isStorageError(error: unknown): boolean {
  return toStorageError(error) !== error;
}
