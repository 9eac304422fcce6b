// The writes of the store: they wait in a queue, and are committed in groups one after the other.

import { callHost } from '../../base/call-host.ts';
import type { Store } from '../store.ts';
import { logStorageChange, type StoreLogger } from '../store-logger.ts';
import { createWriteQueue } from '../write-queue.ts';
import { createCommitMarker } from './commit-marker.ts';
import type { Database } from './database.ts';
import { encodeWrites } from './encode-writes.ts';
import { createGroupCommit, type GroupCommitOptions } from './group-commit.ts';
import { isConnectionLost, isSuperseded } from './postgres-errors.ts';
import type { WriteGuard } from './transaction.ts';

/**
 * Each commit has a fixed cost, and the commits of all nodes are on one server. Results of deliveries therefore fill up
 * commits, or wait this long to share one.
 */
const fillMs = 50;

export interface WriterOptions {
  readonly database: Database;
  readonly guard: () => WriteGuard | undefined;
  readonly onCommitted: GroupCommitOptions['onCommitted'];
  readonly logger: StoreLogger | undefined;
  readonly doubtLimitMs?: number | undefined;
}

export interface Writer {
  readonly write: Store['write'];
  /** Settle what was accepted. */
  close(): Promise<void>;
}

export async function startWriter({
  database,
  guard,
  onCommitted,
  logger,
  doubtLimitMs,
}: WriterOptions): Promise<Writer> {
  const marker = createCommitMarker(database);
  await marker.register();
  const groups = createGroupCommit({
    database,
    marker,
    onCommitted,
    doubtLimitMs,
    onDoubt: (failure) => queue.refuse(failure),
  });
  let isTold = false;
  const queue = createWriteQueue({
    encode: (writes) => ({ ...encodeWrites(writes), guard: guard() }),
    maxGroups: 1,
    fillMs,
    send(callers) {
      groups.commit(callers).then(queue.settleCommitted, queue.settleFailed);
    },
    onStorageChange(failure) {
      // The database reports itself when it cannot be reached, and the node if a newer release has migrated the schema.
      const cause = (failure as Error | undefined)?.cause;
      if (failure !== undefined && (isConnectionLost(cause) || isSuperseded(cause))) return;
      if (failure === undefined && !isTold) return;
      isTold = failure !== undefined;
      callHost(() => logStorageChange(logger, failure));
    },
  });
  return {
    write: (writes, { maxDelayMs } = {}) => queue.write(writes, maxDelayMs),
    async close() {
      await queue.close();
      // A later start deletes the rest.
      await marker.forget().catch(() => undefined);
    },
  };
}
