// The row of this process in `commits`: it numbers its commits, so that one whose answer was lost can be looked up. A
// commit that was looked up and not found is ruled out for good, even if its statements are still on their way.

import { randomUUID } from 'node:crypto';
import type { Database, Result, Session, Statement } from './database.ts';

export interface CommitMarker {
  /** The name of this process as a writer. */
  readonly writer: string;
  /** Make the row. Also after the database lost it, as a replica that was promoted may have. */
  register(): Promise<void>;
  /** Number the commit of a transaction, as its first statement. It becomes the last one with `made`. */
  begin(session: Session): Promise<Result>;
  /** The commit that was begun last is made. */
  made(): void;
  /** Whether the commit that was begun last is made. If not, it never will be. */
  settle(): Promise<boolean>;
  /** Delete the row. */
  forget(): Promise<void>;
}

const statements = {
  // Rows of processes that did not end properly.
  prune: {
    name: 'pruneCommits',
    text: "DELETE FROM commits WHERE committed_at < now() - interval '1 day'",
  },
  register: { name: 'registerWriter', text: 'INSERT INTO commits (writer, number) VALUES ($1, 0)' },
  begin: { name: 'beginCommit', text: 'SELECT begin_commit($1, $2)' },
  settle: { name: 'settleCommit', text: 'SELECT settle_commit($1, $2) AS made' },
  forget: { name: 'forgetWriter', text: 'DELETE FROM commits WHERE writer = $1' },
} as const satisfies Readonly<Record<string, Statement>>;

export function createCommitMarker(database: Database): CommitMarker {
  let writer = randomUUID();
  let last = 0;
  const run = (statement: Statement, values: readonly unknown[]): Promise<Result> =>
    database.use('writer', (session) => session.run(statement, values));
  return {
    get writer() {
      return writer;
    },
    async register() {
      writer = randomUUID();
      last = 0;
      await run(statements.prune, []);
      await run(statements.register, [writer]);
    },
    begin: (session) => session.run(statements.begin, [writer, last + 1]),
    made() {
      last++;
    },
    async settle() {
      const { rows } = await run(statements.settle, [writer, last + 1]);
      // Either way the number is used.
      last++;
      return rows[0]?.made === true;
    },
    async forget() {
      await run(statements.forget, [writer]);
    },
  };
}
