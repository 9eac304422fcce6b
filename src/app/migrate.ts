// Moves the data of a SQLite home to a PostgreSQL database: ids, sequence numbers and bytes stay, and pending
// deliveries are sent from there. A move that was interrupted continues where it stopped. The home is not changed.

import { statSync } from 'node:fs';
import { entriesToMove } from '../registry/move-entries.ts';
import { movedTables } from '../store/moved-tables.ts';
import { openImportTarget } from '../store/postgres/import/import-target.ts';
import { openMoveSource } from '../store/sqlite/move-source.ts';
import { triggersMember } from '../triggers/triggers-member.ts';
import { webhooksMember } from '../webhooks/webhook-entries.ts';

export interface MoveProgress {
  readonly table: string;
  /** Of this table, and of all. */
  readonly rows: number;
  readonly totalRows: number;
  readonly allRows: number;
  readonly allTotalRows: number;
}

export interface MoveOptions {
  /** The SQLite file. */
  readonly from: string;
  /** The webhooks.json of the same home. */
  readonly webhooksPath: string;
  /** The triggers.json of the same home. */
  readonly triggersPath: string;
  readonly to: string;
  readonly onStart: (start: 'fresh' | 'resumed' | 'restarted', to: string) => void;
  readonly onProgress: (progress: MoveProgress) => void;
}

export interface Moved {
  /** Host, port and database. */
  readonly to: string;
  readonly rows: Readonly<Record<string, number>>;
  readonly webhooks: number;
  readonly triggers: number;
  readonly pendingDeliveries: number;
  readonly lastSequence: number;
}

/** @throws StoreOpenError, or an Error with a message for the user */
export async function moveToPostgres(options: MoveOptions): Promise<Moved> {
  const { from, webhooksPath, triggersPath, to, onStart, onProgress } = options;
  // An opening would create it.
  if (statSync(from, { throwIfNoEntry: false }) === undefined) throw new Error(`${from} does not exist.`);
  const fromFile = entriesToMove(webhooksPath, webhooksMember);
  const triggers = entriesToMove(triggersPath, triggersMember);
  const source = openMoveSource(from);
  try {
    const target = await openImportTarget({ url: to, fingerprint: source.fingerprint() });
    try {
      onStart(target.start, target.shown);
      const totals = new Map(movedTables.map((table) => [table.name, source.count(table)]));
      const allTotalRows = [...totals.values()].reduce((sum, count) => sum + count, 0);
      let allRows = 0;
      for (const table of movedTables) {
        let { after, rows } = target.progress(table);
        allRows += rows;
        const tell = (): void =>
          onProgress({
            table: table.name,
            rows,
            totalRows: totals.get(table.name) ?? 0,
            allRows,
            allTotalRows,
          });
        tell();
        for (;;) {
          const batch = source.read(table, after);
          if (batch.length === 0) break;
          await target.write(table, batch);
          ({ after, rows } = target.progress(table));
          allRows += batch.length;
          tell();
        }
      }
      const webhooks = [...fromFile, ...source.runWebhooks()];
      await target.putWebhooks(webhooks);
      await target.putTriggers(triggers);

      for (const table of movedTables) {
        const [found, expected] = [await target.count(table), totals.get(table.name)];
        if (found !== expected) throw mismatch(table.name, found, expected);
      }
      const pendingDeliveries = source.pendingDeliveries();
      const pendingFound = await target.pendingDeliveries();
      if (pendingFound !== pendingDeliveries)
        throw mismatch('pending deliveries', pendingFound, pendingDeliveries);
      const lastSequence = source.lastSequence();
      await target.finish(lastSequence);
      return {
        to: target.shown,
        rows: Object.fromEntries(totals),
        webhooks: webhooks.length,
        triggers: triggers.length,
        pendingDeliveries,
        lastSequence,
      };
    } finally {
      await target.close();
    }
  } finally {
    source.close();
  }
}

function mismatch(what: string, found: number, expected: number | undefined): Error {
  return new Error(
    `The database has ${found} ${what} instead of ${expected}, so something else has changed it. Nothing was finished; use an empty database.`,
  );
}
