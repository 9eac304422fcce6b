// Pages of runs, newest first, by session or by status.

import type { SQLInputValue } from 'node:sqlite';
import { takeRows } from '../page-weight.ts';
import { toRunRow } from '../rows.ts';
import type { RunRow, Store } from '../store.ts';
import { afterAllIds, type Reads } from './statements.ts';

export function listRuns(
  reads: Reads,
  { limit, beforeId = afterAllIds, sessionId, statuses, maxText }: Parameters<Store['listRuns']>[0],
): readonly RunRow[] {
  const run = (text: string, values: readonly SQLInputValue[]): readonly RunRow[] =>
    takeRows(reads.composed(text).iterate(...values), toRunRow, maxText);
  const order = 'ORDER BY id DESC LIMIT ?';
  const wanted = statuses === undefined ? [] : [...new Set(statuses)];
  if (statuses !== undefined && wanted.length === 0) return [];

  if (sessionId !== undefined) {
    // `+status` makes the planner use the index of the session, which gives the order.
    const among = wanted.length > 0 ? `AND +status IN (${wanted.map(() => '?').join(', ')})` : '';
    const text = `SELECT * FROM runs WHERE session_id = ? AND id < ? ${among} ${order}`;
    return run(text, [sessionId, beforeId, ...wanted, limit]);
  }
  if (wanted.length === 0) return run(`SELECT * FROM runs WHERE id < ? ${order}`, [beforeId, limit]);
  // One limited index scan for each status, merged. `IN` would sort all runs of these statuses.
  const walk = `SELECT id FROM (SELECT id FROM runs WHERE status = ? AND id < ? ${order})`;
  const text = `SELECT * FROM runs WHERE id IN (${wanted.map(() => walk).join(' UNION ALL ')} ${order}) ${order}`;
  return run(text, [...wanted.flatMap((status) => [status, beforeId, limit]), limit, limit]);
}

/** Those of the sessions that have a run with one of these statuses. */
export function sessionsWithRuns(
  reads: Reads,
  sessionIds: readonly string[],
  statuses: readonly string[],
): ReadonlySet<string> {
  if (statuses.length === 0) return new Set();
  const among = statuses.map(() => '?').join(', ');
  const found = reads.composed(`SELECT 1 FROM runs WHERE session_id = ? AND +status IN (${among}) LIMIT 1`);
  return new Set(sessionIds.filter((id) => found.get(id, ...statuses) !== undefined));
}
