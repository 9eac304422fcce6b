// Single statements on the pool, also those that change rows.

import type { Database, Result, Statement } from '../database.ts';
import { throwStorageError } from '../postgres-errors.ts';

/** @throws CodeBuddyError as `Store.write` */
export type Query = (statement: Statement, values?: readonly unknown[]) => Promise<Result>;

export function createQuery(database: Pick<Database, 'use'>): Query {
  return (statement, values) =>
    database.use('others', (session) => session.run(statement, values)).catch(throwStorageError);
}

/** The node that a statement found; undefined if it found none. */
export function nodeIdIn({ rows }: Result): string | undefined {
  return rows[0] === undefined ? undefined : String(rows[0].node_id);
}
