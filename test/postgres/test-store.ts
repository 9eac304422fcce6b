// The store of a test: a SQLite file, or with TEST_STORE=postgres a database of its own, so that the same tests hold for
// both (`npm run test:postgres`).

import { onTestFinished } from 'vitest';
import type { Ownership } from '../../src/store/ownership.ts';
import { createSqliteOwnership } from '../../src/store/sqlite/sqlite-ownership.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { reusedPostgresUrl } from './postgres-url.ts';

export const usesPostgres = process.env.TEST_STORE === 'postgres';

export interface TestStore {
  readonly store: Store;
  readonly ownership: Ownership;
  close(): Promise<void>;
}

/** Open the store at a path. On PostgreSQL the path only names it: the same one is the same database. */
export async function openTestStore(options: SqliteStoreOptions): Promise<TestStore> {
  if (!usesPostgres) {
    const store = await openSqliteStore(options);
    return { store, ownership: createSqliteOwnership(), close: () => store.close() };
  }
  const { openSharedStore } = await import('../../src/store/postgres/open-shared-store.ts');
  const { now } = options;
  return openSharedStore({
    url: await databaseOf(options.path),
    ...(now === undefined ? {} : { now }),
  });
}

const databases = new Map<string, Promise<string>>();

/** The URL of the database of a folder or file. It is dropped when the test ends. */
export function databaseOf(place: string): Promise<string> {
  let url = databases.get(place);
  if (url === undefined) {
    url = createDatabase(place);
    databases.set(place, url);
  }
  return url;
}

/** The setting of programs that a test starts with this config folder; empty on SQLite. */
export async function databaseSetting(home: string): Promise<Readonly<Record<string, string>>> {
  return usesPostgres ? { DATABASE_URL: await databaseOf(home) } : {};
}

async function createDatabase(place: string): Promise<string> {
  const url = await reusedPostgresUrl();
  onTestFinished(() => void databases.delete(place));
  return `${url}?max=4`;
}
