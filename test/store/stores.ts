// The stores that the contract suite runs against: `describe.each(stores)`.

import { onTestFinished } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { postgresUrl } from '../postgres/postgres-url.ts';
import { WAIT_LIMIT_MS } from '../wait-for.ts';
import { openStore, temporaryPath } from './temporary-store.ts';

export interface StoreKind {
  readonly name: string;
  /** A place for a store, such as a path or a URL. The next `open` finds what was written there. */
  newPlace(): Promise<string>;
  /** Open a store, at a new place by default. It is closed when the test ends. */
  open(place?: string): Promise<Store>;
}

export const stores: readonly StoreKind[] = [
  { name: 'SQLite', newPlace: async () => temporaryPath(), open: openStore },
  { name: 'PostgreSQL', newPlace: postgresUrl, open: openPostgres },
];

/** Open a PostgreSQL store at a URL, or with a new database. It is closed when the test ends. */
export async function openPostgres(url?: string): Promise<Store> {
  const { openPostgresStore } = await import('../../src/store/postgres/postgres-store.ts');
  const store = await openPostgresStore({
    url: url ?? (await postgresUrl()),
    connectTimeoutMs: WAIT_LIMIT_MS,
  });
  onTestFinished(() => store.close());
  return store;
}
