// Commits the writes of several callers together, on the writer thread. All writes of a caller are kept, or none. If
// one caller's row is at fault, the group is rolled back and run again, so that only this caller fails.

import type { DatabaseSync } from 'node:sqlite';
import { isCallersFault } from './sqlite-errors.ts';
import type { Statements } from './statements.ts';
import { runProgram, type WriteProgram } from './write-program.ts';

export type Outcome =
  | { readonly kind: 'written'; readonly sequences: readonly number[] }
  | { readonly kind: 'refused'; readonly error: unknown };

export interface GroupCommit {
  /** Commit a group. Returns an outcome for each caller; throws if nothing could be committed. */
  commit(callers: readonly WriteProgram[]): readonly Outcome[];
  /** Run several statements as one transaction. */
  transaction<T>(work: () => T): T;
}

export function createGroupCommit(database: DatabaseSync, statements: Statements): GroupCommit {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const end = database.prepare('COMMIT');

  function transaction<T>(work: () => T): T {
    begin.run();
    try {
      const result = work();
      end.run();
      return result;
    } catch (error) {
      // SQLite ends the transaction by itself on some errors, a full disk among them.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  function runCaller(program: WriteProgram): Outcome {
    return { kind: 'written', sequences: runProgram(statements, program) };
  }

  /** Like `runCaller`, but undoes this caller's writes alone if one of its rows is invalid. */
  function runCallerApart(program: WriteProgram): Outcome {
    database.exec('SAVEPOINT caller');
    try {
      const outcome = runCaller(program);
      database.exec('RELEASE caller');
      return outcome;
    } catch (error) {
      if (!isCallersFault(error)) throw error;
      database.exec('ROLLBACK TO caller; RELEASE caller');
      return { kind: 'refused', error };
    }
  }

  return {
    commit(callers) {
      try {
        return transaction(() => callers.map(runCaller));
      } catch (error) {
        if (!isCallersFault(error)) throw error;
        return transaction(() => callers.map(runCallerApart));
      }
    },
    transaction,
  };
}
