// Opens a PostgreSQL database for this process as one of its nodes.

import { type OwnershipOptions, openOwnership, type PostgresOwnership } from './nodes/open-ownership.ts';
import { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from './postgres-store.ts';

export interface SharedStore {
  readonly store: PostgresStore;
  readonly ownership: PostgresOwnership;
  /** Leave the other nodes, then close the store. */
  close(): Promise<void>;
}

export interface SharedStoreOptions extends PostgresStoreOptions {
  readonly node?: Omit<OwnershipOptions, 'database' | 'logger'>;
}

/** Open the store and join its nodes. @throws StoreOpenError with one line for a person */
export async function openSharedStore({ node, ...options }: SharedStoreOptions): Promise<SharedStore> {
  const store = await openPostgresStore(options);
  try {
    const ownership = await openOwnership({ ...node, database: store.database, logger: options.logger });
    store.attach(ownership.storeNode);
    return {
      store,
      ownership,
      async close() {
        await ownership.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
