// A SQLite database as the source of a move: read table by table, in the order of the primary keys, under the lock that
// keeps servers away.

import { createHash, type Hash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type ColumnType,
  type MovedEntry,
  type MovedRow,
  type MovedTable,
  movedTables,
  type Value,
} from '../moved-tables.ts';
import { openOwnedDatabase } from './open-database.ts';

export interface MoveSource {
  count(table: MovedTable): number;
  /** Rows after a key, with at most about 4 Mi of text. */
  read(table: MovedTable, after: readonly Value[] | undefined): readonly MovedRow[];
  runWebhooks(): readonly MovedEntry[];
  /** The last sequence number that was given out. */
  lastSequence(): number;
  pendingDeliveries(): number;
  /** Another one if anything has changed that a move copies. */
  fingerprint(): string;
  close(): void;
}

const rowsPerBatch = 2000;
const textPerBatch = 4 * 1024 * 1024;

/** Takes the lock until `close`. @throws StoreOpenError `in_use` while a server has the file open */
export function openMoveSource(path: string): MoveSource {
  const { database, close } = openOwnedDatabase(path, {
    now: Date.now(),
    busyTimeoutMs: 5000,
    logger: undefined,
  });
  const number = (sql: string): number => Number(database.prepare(sql).get()?.value ?? 0);
  const count = ({ name, where }: MovedTable): number =>
    number(`SELECT count(*) AS value FROM ${name}${where === undefined ? '' : ` WHERE ${where}`}`);
  const lastSequence = (): number =>
    number("SELECT max((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) AS value");
  return {
    count,
    read: (table, after) => readRows(database, table, after),
    runWebhooks: () =>
      database
        .prepare('SELECT webhook_id, run_id, config FROM run_webhooks ORDER BY webhook_id')
        .all()
        .map((row) => ({
          id: String(row.webhook_id),
          runId: String(row.run_id),
          entry: String(row.config),
        })),
    lastSequence,
    pendingDeliveries: () => number("SELECT count(*) AS value FROM deliveries WHERE status = 'pending'"),
    fingerprint() {
      const hash = createHash('sha256').update(String(lastSequence()));
      for (const table of movedTables) {
        hash.update(` ${table.name} ${count(table)}`);
        if (table.isFixed === true) hash.update(` ${lastKey(database, table)}`);
        else hashRows(hash, database, table);
      }
      for (const sql of [
        'SELECT min(sequence) AS value FROM events',
        'SELECT total(tries) + total(length(attempt_log)) + total(next_attempt_at) + total(ended_at) AS value FROM deliveries',
        'SELECT count(*) AS value FROM run_webhooks',
      ])
        hash.update(` ${number(sql)}`);
      return hash.digest('hex');
    },
    close,
  };
}

/** Of a new row. One that was deleted and replaced by another changes no count. */
function lastKey(database: DatabaseSync, { name, key }: MovedTable): string {
  const keys = key.join(', ');
  const descending = key.map((column) => `${column} DESC`).join(', ');
  return JSON.stringify(database.prepare(`SELECT ${keys} FROM ${name} ORDER BY ${descending} LIMIT 1`).get());
}

/** Settings of a key, for example, change without an event. */
function hashRows(hash: Hash, database: DatabaseSync, table: MovedTable): void {
  for (const row of select(database, table, { ends: `ORDER BY ${table.key.join(', ')}` }).iterate())
    hash.update(JSON.stringify(row));
}

/** A statement that returns the rows that are moved as arrays. */
function select(
  database: DatabaseSync,
  { name, columns, where }: MovedTable,
  { and = [], ends }: { readonly and?: readonly string[]; readonly ends: string },
): StatementSync {
  const conditions = [...(where === undefined ? [] : [where]), ...and];
  const filter = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const statement = database.prepare(
    `SELECT ${Object.keys(columns).join(', ')} FROM ${name}${filter} ${ends}`,
  );
  statement.setReturnArrays(true);
  return statement;
}

function readRows(
  database: DatabaseSync,
  table: MovedTable,
  after: readonly Value[] | undefined,
): readonly MovedRow[] {
  const { key, columns } = table;
  const keys = key.join(', ');
  const statement = select(database, table, {
    and: after === undefined ? [] : [`(${keys}) > (${key.map(() => '?').join(', ')})`],
    ends: `ORDER BY ${keys} LIMIT ${rowsPerBatch}`,
  });
  const types = Object.values(columns);
  const rows: MovedRow[] = [];
  let text = 0;
  for (const row of statement.iterate(...(after ?? [])) as Iterable<readonly unknown[]>) {
    const values = row.map((value, index) => toValue(value, types[index]));
    rows.push(values);
    for (const value of values) if (typeof value === 'string') text += value.length;
    if (text >= textPerBatch) break;
  }
  return rows;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Payloads are blobs of UTF-8. */
function toValue(value: unknown, type: ColumnType | undefined): Value {
  if (value instanceof Uint8Array)
    return type === 'bytes' ? Buffer.from(value).toString('base64') : utf8.decode(value);
  if (typeof value === 'bigint') return Number(value);
  return value as Value;
}
