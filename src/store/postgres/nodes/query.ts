// Single statements on the pool, also those that change rows.

import type { Database, Result, Statement } from '../database.ts';
import { toStorageError } from '../postgres-errors.ts';

/** @throws CodeBuddyError as `Store.write` */
export type Query = (statement: Statement, values?: readonly unknown[]) => Promise<Result>;

export function createQuery(database: Pick<Database, 'use'>): Query {
  return async (statement, values) => {
    try {
      return await database.use('others', (session) => session.run(statement, values));
    } catch (error) {
      throw toStorageError(error);
    }
  };
}
