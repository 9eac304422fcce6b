// Pages of the event log. Every form of the query walks indices in the order of the sequence and stops at the limit, so
// the cost of a page does not grow with the log.

import type { SQLInputValue } from 'node:sqlite';
import { takeRows } from '../page-weight.ts';
import { type EventColumns, toEventRow } from '../rows.ts';
import type { EventQuery, EventRow } from '../store.ts';
import { createConditions, whereClause } from './conditions.ts';
import type { Reads } from './statements.ts';

/**
 * Longer data is read by a statement of its own. So all rows of a page can be read at once, which takes three quarters of
 * the time of reading them one by one, and a page of long events is not in memory beyond `maxText`.
 */
const isShort = 'octet_length(data) <= 16384';
const eventColumns = `sequence, id, type, timestamp, session_id, run_id, CASE WHEN ${isShort} THEN data END,
  CASE WHEN ${isShort} THEN json_valid(data) END`;

/** @throws DamagedRowError */
export function readEvents(reads: Reads, query: EventQuery): readonly EventRow[] {
  const { texts: conditions, values, where } = createConditions();
  where('sequence > ?', query.after);
  where('sequence < ?', query.before);
  where('run_id = ?', query.runId);
  // A run lies within one session and is the shorter of the two: `+` keeps the planner on the run's index.
  where(query.runId === undefined ? 'session_id = ?' : '+session_id = ?', query.sessionId);

  const order = `ORDER BY sequence ${query.order === 'desc' ? 'DESC' : 'ASC'} LIMIT ?`;
  const page = (selected: string, more: readonly string[]): string => {
    return `SELECT ${selected} FROM events${whereClause([...conditions, ...more])} ${order}`;
  };
  const run = (text: string, all: readonly SQLInputValue[]): readonly EventRow[] =>
    takeRows(rowsOf(reads, text, all), toEventRow, query.maxText);

  if (query.types === undefined) return run(page(eventColumns, []), [...values, query.limit]);
  const types = [...new Set(query.types)];
  if (types.length === 0) return [];
  if (query.runId !== undefined) {
    const among = `+type IN (${types.map(() => '?').join(', ')})`;
    return run(page(eventColumns, [among]), [...values, ...types, query.limit]);
  }
  if (types.length === 1) return run(page(eventColumns, ['type = ?']), [...values, ...types, query.limit]);
  // Several types: one bounded walk per type on an index alone, merged. `IN` would sort all rows of these types.
  const walks = types.map(() => `SELECT sequence FROM (${page('sequence', ['type = ?'])})`);
  const text = `SELECT ${eventColumns} FROM events WHERE sequence IN (${walks.join(' UNION ALL ')} ${order}) ${order}`;
  const perWalk = types.flatMap((type) => [...values, type, query.limit]);
  return run(text, [...perWalk, query.limit, query.limit]);
}

/** @throws DamagedRowError */
export function getEvent(reads: Reads, id: string): EventRow | undefined {
  const [row] = rowsOf(reads, `SELECT ${eventColumns} FROM events WHERE id = ?`, [id]);
  return row === undefined ? undefined : toEventRow(row);
}

function* rowsOf(
  reads: Reads,
  text: string,
  values: readonly SQLInputValue[],
): Generator<EventColumns, undefined> {
  // The types of node:sqlite know rows as objects only.
  const rows: unknown = reads.composedArrays(text).all(...values);
  for (const row of rows as readonly EventColumns[]) {
    if (row[6] !== null) {
      yield row;
      continue;
    }
    const [sequence, id, type, timestamp, sessionId, runId] = row;
    const found = reads.longData.get(sequence);
    // Without it, the event was pruned meanwhile.
    if (found === undefined) continue;
    const { data, is_valid: isValid } = found as { data: string; is_valid: number };
    yield [sequence, id, type, timestamp, sessionId, runId, data, isValid];
  }
}

/** How many events of these types come after a number; walks an index per type. */
export function countEvents(reads: Reads, after: number, types: readonly string[] | undefined): number {
  if (types?.length === 0) return 0;
  const among = types === undefined ? '' : ` AND type IN (${types.map(() => '?').join(', ')})`;
  const row = reads
    .composed(`SELECT count(*) AS value FROM events WHERE sequence > ?${among}`)
    .get(after, ...(types ?? []));
  return Number(row?.value ?? 0);
}
