// A registry that several nodes share, as a table. A function of the database compares and sets an entry.

import type { SharedEntryTable } from '../shared-entries.ts';
import { composed } from './composed.ts';
import type { Database } from './database.ts';
import { toStorageError } from './postgres-errors.ts';
import { inTransaction, type WriteGuard } from './transaction.ts';

export interface SharedEntriesOptions {
  readonly database: Database;
  readonly guard: () => WriteGuard | undefined;
  /** An entry was changed. */
  readonly onChanged: () => void;
  readonly topic: string;
  readonly texts: {
    /** Selects id, run_id, entry and version of all rows. */
    readonly entries: string;
    /** Selects the new version, from id, run, entry and expected version. */
    readonly change: string;
  };
}

export function createSharedEntries({
  database,
  guard,
  onChanged,
  topic,
  texts,
}: SharedEntriesOptions): SharedEntryTable {
  const changedAfter = composed(
    `SELECT * FROM (${texts.entries}) AS e WHERE version > $1 AND ($1 > 0 OR entry IS NOT NULL) ORDER BY version`,
  );
  const entryOf = composed(`SELECT * FROM (${texts.entries}) AS e WHERE id = $1`);
  const changeEntry = composed(texts.change);

  async function change(values: readonly unknown[]): Promise<number | undefined> {
    const { rows } = await inTransaction({ database, pool: 'others', guard: guard() }, (session) =>
      session.run(changeEntry, values),
    );
    const version = rows[0]?.version;
    return typeof version === 'number' ? version : undefined;
  }

  return {
    topic,
    async entries(after) {
      const { rows } = await database.read(changedAfter, [after]);
      return rows.map((row) => ({
        id: row.id as string,
        runId: row.run_id as string | null,
        entry: row.entry as string | null,
        version: row.version as number,
      }));
    },
    async change({ id, runId, entry, expected }) {
      let version: number | undefined;
      try {
        version = await change([id, runId, entry, expected ?? null]);
      } catch (error) {
        // Only the answer may be lost: no other node writes the same entry from the same version.
        const { rows } = await database.read(entryOf, [id]).catch(() => ({ rows: [] }));
        const found = rows[0];
        if (typeof found?.version !== 'number' || found.entry !== entry || found.version <= (expected ?? 0))
          throw toStorageError(error);
        version = found.version;
      }
      if (version !== undefined) onChanged();
      return version;
    },
  };
}
