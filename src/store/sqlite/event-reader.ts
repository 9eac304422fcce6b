// Pages of the event log. Every form of the query walks one index in the order of the sequence and stops at the limit, so the
// cost of a page does not grow with the log.

import type { SQLInputValue } from 'node:sqlite';
import type { EventQuery, EventRow } from '../store.ts';
import type { Statements } from './statements.ts';

export function readEvents(statements: Statements, query: EventQuery): EventRow[] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (condition: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  where('sequence > ?', query.after);
  where('sequence < ?', query.before);
  where('session_id = ?', query.sessionId);
  where('run_id = ?', query.runId);

  const direction = query.order === 'desc' ? 'DESC' : 'ASC';
  const page = (more: readonly string[]): string => {
    const all = [...conditions, ...more];
    return `SELECT * FROM events ${all.length > 0 ? `WHERE ${all.join(' AND ')}` : ''} ORDER BY sequence ${direction} LIMIT ?`;
  };

  const { types } = query;
  if (types === undefined) return run(statements, page([]), [...values, query.limit]);
  if (types.length === 0) return [];
  if (types.length === 1 || query.sessionId !== undefined || query.runId !== undefined) {
    const among = `+type IN (${types.map(() => '?').join(', ')})`;
    // Within a session or run its own index leads; `+type` keeps the planner from leaving it for the index by type.
    const condition =
      types.length === 1 && query.sessionId === undefined && query.runId === undefined ? 'type = ?' : among;
    return run(statements, page([condition]), [...values, ...types, query.limit]);
  }
  // Several types over the whole log: one bounded walk per type, merged. `IN` alone would sort all rows of these types.
  const parts = types.map(() => `SELECT * FROM (${page(['type = ?'])})`);
  const text = `${parts.join(' UNION ALL ')} ORDER BY sequence ${direction} LIMIT ?`;
  return run(statements, text, [...types.flatMap((type) => [...values, type, query.limit]), query.limit]);
}

function run(statements: Statements, text: string, values: readonly SQLInputValue[]): EventRow[] {
  return statements
    .composed(text)
    .all(...values)
    .map(toEventRow);
}

type Row = Record<string, unknown>;

/** A row as SQLite gives it; the STRICT table vouches for the types. */
export function toEventRow(row: Row): EventRow {
  return {
    sequence: row.sequence as number,
    id: row.id as string,
    type: row.type as string,
    timestamp: row.timestamp as number,
    sessionId: row.session_id as string | null,
    runId: row.run_id as string | null,
    data: row.data as string,
  };
}
