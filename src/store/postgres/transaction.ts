// Transactions whose statements are sent at once, the commit included, so that a transaction costs one round trip and is
// open only as long as the server needs for it.

import type { Database, PoolName, Result, Session, Statement } from './database.ts';
import { isRetryable } from './postgres-errors.ts';

/**
 * Runs first in each transaction that writes. One of its statements must fail if this process may not write any more, for
 * example because another node has taken over its work. No code waits for its answer before the commit is sent, so a
 * statement that finds no row is not enough.
 */
export type WriteGuard = (session: Session) => Promise<unknown>;

export interface TransactionOptions {
  readonly database: Database;
  readonly pool: PoolName;
  readonly guard: WriteGuard | undefined;
  /** Called when the commit is sent. From then on a lost connection leaves its outcome unknown. */
  readonly onCommitSent?: () => void;
}

/** How often a transaction is run again that lost a deadlock. */
const maxRetries = 5;

/** `work` may await what it needs; what it does not await is sent without waiting. Errors are not converted. */
export async function inTransaction<T>(
  options: TransactionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await options.database.use(options.pool, (session) => runTransaction(session, options, work));
    } catch (error) {
      if (!isRetryable(error) || retries === maxRetries) throw error;
    }
  }
}

async function runTransaction<T>(
  session: Session,
  { database, guard, onCommitSent }: TransactionOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const sent: Promise<unknown>[] = [];
  const keep = <Kept>(promise: Promise<Kept>): Promise<Kept> => {
    sent.push(promise);
    // Its error is found by `settleAll`.
    promise.catch(() => undefined);
    return promise;
  };
  const kept: Session = {
    run: (statement, values) => keep(session.run(statement, values)),
    runText: (text) => keep(session.runText(text)),
    readText: (text) => keep(session.readText(text)),
  };
  void kept.runText(database.beginText);
  let result: T;
  try {
    if (guard !== undefined) void keep(guard(kept));
    result = await work(kept);
  } catch (error) {
    void keep(session.runText('ROLLBACK'));
    // The first error is the reason; those after it only say that the transaction is aborted.
    await settleAll(sent);
    throw error;
  }
  void kept.run(commitStatement);
  onCommitSent?.();
  await settleAll(sent);
  return result;
}

const commitStatement: Statement = { name: 'commit', text: 'COMMIT' };

/** Waits for all. @throws the error of the first that failed, in the order in which they were sent */
async function settleAll(promises: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Run one statement in a transaction of its own, with the guard. */
export function change(
  options: TransactionOptions,
  statement: Statement,
  values: readonly unknown[],
): Promise<Result> {
  return inTransaction(options, (session) => session.run(statement, values));
}
