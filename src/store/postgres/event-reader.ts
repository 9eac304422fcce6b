// Pages of the event log. Every form of the query walks indices in the order of the sequence and stops at the limit, so
// the cost of a page does not grow with the log.

import { takeRows } from '../page-weight.ts';
import { type EventColumns, toEventRow } from '../rows.ts';
import type { EventQuery, EventRow } from '../store.ts';
import { composed, createConditions, whereClause } from './composed.ts';
import type { Database } from './database.ts';

export interface EventReader {
  /** @throws DamagedRowError */
  readEvents(query: EventQuery): Promise<readonly EventRow[]>;
  /** @throws DamagedRowError */
  getEvent(id: string): Promise<EventRow | undefined>;
  countEvents(after: number, types?: readonly string[]): Promise<number>;
}

export interface EventReaderOptions {
  readonly database: Database;
  /** Whether the server knows `IS JSON`: PostgreSQL 16 and newer. */
  readonly checksJson: boolean;
}

/** A UTF-16 unit takes at most three bytes of UTF-8. */
const bytesPerUnit = 3;

export function createEventReader({ database, checksJson }: EventReaderOptions): EventReader {
  const isValid = checksJson ? 'CASE WHEN data IS JSON THEN 1 ELSE 0 END' : '1';
  const columns = `sequence, id, type, timestamp, session_id, run_id, data, ${isValid}`;

  return {
    async readEvents(query) {
      const { after, before, runId, sessionId, types, limit, maxText, order = 'asc' } = query;
      if (types?.length === 0) return [];
      const { texts: conditions, list, add, where } = createConditions();
      where('sequence > ?', after);
      where('sequence < ?', before);
      where('run_id = ?', runId);
      // A run lies within one session and is the shorter of the two: the expression keeps the planner on its index.
      where(runId === undefined ? 'session_id = ?' : "(session_id || '') = ?", sessionId);
      const inOrder = `ORDER BY sequence ${order === 'desc' ? 'DESC' : 'ASC'} LIMIT ${add(limit)}`;
      const page = (selected: string, more: readonly string[] = []): string =>
        `SELECT ${selected} FROM events${whereClause([...conditions, ...more])} ${inOrder}`;

      let numbers: string;
      const wanted = [...new Set(types)];
      if (types === undefined) numbers = page('*');
      else if (runId !== undefined) numbers = page('*', [`(type || '') = ANY(${add(wanted)}::text[])`]);
      else if (wanted.length === 1) numbers = page('*', [`type = ${add(wanted[0])}`]);
      else {
        // One bounded walk per type on an index alone, merged. `ANY` would sort all rows of these types.
        const walk = page('sequence', ['type = t.type']);
        const all = `unnest(${add(wanted)}::text[]) AS t(type), LATERAL (${walk}) AS w`;
        numbers = `SELECT e.* FROM (SELECT w.sequence FROM ${all} ${inOrder.replace('sequence', 'w.sequence')}) AS n
          JOIN events e USING (sequence)`;
      }
      const direction = order === 'desc' ? 'DESC' : 'ASC';
      // Rows beyond the text are not sent at all; a page of long events would fill the memory.
      const text =
        maxText === undefined
          ? `SELECT ${columns} FROM (${numbers}) AS p ORDER BY sequence ${direction}`
          : `SELECT ${columns} FROM (
              SELECT p.*, sum(octet_length(data)) OVER (ORDER BY sequence ${direction}) - octet_length(data) AS size_before
              FROM (${numbers}) AS p) AS q
            WHERE size_before < ${add(maxText * bytesPerUnit)}::bigint ORDER BY sequence ${direction}`;
      const { rows } = await database.read(composed(text, { arrays: true }), list);
      return takeRows(rows as unknown as readonly EventColumns[], toEventRow, maxText);
    },
    async getEvent(id) {
      const text = `SELECT ${columns} FROM events WHERE id = $1`;
      const { rows } = await database.read(composed(text, { arrays: true }), [id]);
      const [row] = rows as unknown as readonly EventColumns[];
      return row === undefined ? undefined : toEventRow(row);
    },
    async countEvents(after, types) {
      const among = types === undefined ? '' : ' AND type = ANY($2::text[])';
      const text = `SELECT count(*) AS value FROM events WHERE sequence > $1${among}`;
      const { rows } = await database.read(composed(text), types === undefined ? [after] : [after, types]);
      return Number(rows[0]?.value);
    },
  };
}
