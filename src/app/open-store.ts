// Opens the store of the settings, with its ownership: a SQLite file, or a PostgreSQL database that is
// shared with other nodes. The code for PostgreSQL is loaded only for it.

import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDatabaseUrl } from '../base/database-url.ts';
import type { Settings } from '../config/settings.ts';
import type { Logger } from '../http/logger.ts';
import type { Ownership } from '../store/ownership.ts';
import type { SharedStore, SharedStoreOptions } from '../store/postgres/open-shared-store.ts';
import { takeOwnership } from '../store/sqlite/owner-lock.ts';
import { createSqliteOwnership } from '../store/sqlite/sqlite-ownership.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { StoreOpenError } from '../store/store-open-error.ts';
import type { WriterThread } from './early-thread.ts';
import { nodeLock } from './server-files.ts';

export interface OpenedStore {
  readonly store: Store;
  readonly ownership: Ownership;
  /** Leave the other nodes and close the store. Call it after everything that uses the store has closed. */
  close(): Promise<void>;
}

export interface OpenStoreOptions {
  readonly logger: Logger | undefined;
  readonly writerThread: WriterThread | undefined;
  /** Where other nodes and operators reach this node, once it listens. */
  readonly url: () => string | undefined;
  /** The last event of the log that this node has seen. */
  readonly seen: () => number | undefined;
}

/** How long a start waits for a database that does not answer, in ms. */
const waitMs = 60_000;
const retryMs = 1000;

/** @throws StoreOpenError */
export async function openStore(
  { home, database }: Settings,
  { logger, writerThread, url, seen }: OpenStoreOptions,
): Promise<OpenedStore> {
  if (database.kind === 'sqlite') {
    const store = await openSqliteStore({
      path: database.path,
      thread: writerThread,
      ...(logger === undefined ? {} : { logger }),
    });
    return { store, ownership: createSqliteOwnership({ url }), close: () => store.close() };
  }
  // Two nodes of one machine would take each other's files and processes for their own.
  const lockPath = nodeLock(home);
  const lock = takeOwnership(join(realpathSync(dirname(lockPath)), 'node'), Date.now());
  try {
    const shared = await openWaiting({ url: database.url, logger, node: { url, seen } }, logger);
    return {
      ...shared,
      async close() {
        await shared.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The name of the database for messages, without its password. */
export function describeDatabase({ database }: Pick<Settings, 'database'>): string {
  return database.kind === 'sqlite' ? database.path : parseDatabaseUrl(database.url).shown;
}

/** After the start of a machine or a group of containers, the database is often the last to answer. */
async function openWaiting(options: SharedStoreOptions, logger: Logger | undefined): Promise<SharedStore> {
  const { openSharedStore } = await import('../store/postgres/open-shared-store.ts');
  const giveUpAt = performance.now() + waitMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await openSharedStore(options);
    } catch (error) {
      const isAway = error instanceof StoreOpenError && error.reason === 'unreachable';
      if (!isAway || performance.now() + retryMs > giveUpAt) throw error;
      if (isFirst) logger?.warn(`${error.message}. Trying again for up to ${waitMs / 1000} s.`);
      await sleep(retryMs);
    }
  }
}
