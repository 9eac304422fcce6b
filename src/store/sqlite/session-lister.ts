// Pages of sessions, newest first. Optional filters: a part of the title, the session that they are copies of, and the
// agent that answers.

import type { DatabaseSync } from 'node:sqlite';
import { builtinAgent } from '../../contract/agent-names.ts';
import { takeRows } from '../page-weight.ts';
import { toSessionRow } from '../rows.ts';
import type { SessionRow, Store } from '../store.ts';
import { createConditions, whereClause } from './conditions.ts';
import { afterAllIds, type Reads } from './statements.ts';

/** SQLite's own functions ignore the case of ASCII letters only. */
export function addTextFunction(database: DatabaseSync): void {
  database.function('has_text', { deterministic: true }, (text, part) =>
    Number(String(text).toLowerCase().includes(String(part))),
  );
}

export function listSessions(
  reads: Reads,
  {
    limit,
    beforeId = afterAllIds,
    maxText,
    title,
    forkedFrom,
    origin,
    agent,
    workspace,
    archived,
  }: Parameters<Store['listSessions']>[0],
): readonly SessionRow[] {
  const { texts, values, where } = createConditions();
  where('coalesce(place, id) < ?', beforeId);
  texts.push('is_draft = 0');
  // Spelled as in the partial index.
  if (archived === false) texts.push('is_archived = 0');
  else where('is_archived = ?', archived === true ? 1 : undefined);
  where('has_text(title, ?)', title?.toLowerCase());
  where("details ->> '$.forkedFrom.sessionId' = ?", forkedFrom);
  where("coalesce(details ->> '$.origin', 'rest') = ?", origin);
  where(`coalesce(details ->> '$.agent', '${builtinAgent}') = ?`, agent);
  where("details ->> '$.workspace' = ?", workspace);
  const text = `SELECT * FROM sessions${whereClause(texts)} ORDER BY coalesce(place, id) DESC LIMIT ?`;
  return takeRows(reads.composed(text).iterate(...values, limit), toSessionRow, maxText);
}
