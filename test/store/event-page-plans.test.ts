// The indices that keep the cost of a page independent of the length of the log, in SQLite.

import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readEvents } from '../../src/store/sqlite/event-reader.ts';
import { migrate } from '../../src/store/sqlite/migrations.ts';
import { listRuns } from '../../src/store/sqlite/run-lister.ts';
import { prepareReads } from '../../src/store/sqlite/statements.ts';
import type { EventQuery } from '../../src/store/store.ts';

/** SQLite's query plan for every statement that `use` runs. */
function plansOf(use: (reads: ReturnType<typeof prepareReads>) => void): string {
  const database = new DatabaseSync(':memory:');
  migrate(database);
  const reads = prepareReads(database);
  const plans: string[] = [];
  const explain = (text: string): void => {
    for (const row of database.prepare(`EXPLAIN QUERY PLAN ${text}`).all()) plans.push(String(row.detail));
  };
  use({
    ...reads,
    composed(text) {
      explain(text);
      return reads.composed(text);
    },
    composedArrays(text) {
      explain(text);
      return reads.composedArrays(text);
    },
  });
  database.close();
  return plans.join('\n');
}

const filters: readonly Omit<EventQuery, 'limit'>[] = [
  {},
  { sessionId: 's' },
  { runId: 'r' },
  { sessionId: 's', runId: 'r' },
  { types: ['a'] },
  { types: ['a', 'b', 'c'] },
  { sessionId: 's', types: ['a'] },
  { sessionId: 's', types: ['a', 'b'] },
  { runId: 'r', types: ['a', 'b'] },
  { sessionId: 's', runId: 'r', types: ['a', 'b'] },
];

test.each(filters)('a page by %j uses an index', (filter) => {
  for (const order of ['asc', 'desc'] as const) {
    for (const bounds of [{}, { after: 10 }, { before: 10 }]) {
      const plan = plansOf((statements) =>
        readEvents(statements, { ...filter, ...bounds, order, limit: 50 }),
      );
      const isWholeLog = Object.keys(filter).length === 0;
      // Without a filter the table itself is in the order of the sequence: a walk that stops at the limit.
      if (!isWholeLog) expect(plan).not.toMatch(/SCAN events/);
      if (filter.runId !== undefined) expect(plan).toContain('events_by_run');
      else if (filter.sessionId !== undefined && filter.types !== undefined)
        expect(plan).toContain('events_by_session_and_type');
      // Rows are sorted only where a page is merged from several walks.
      if ((filter.types?.length ?? 0) < 2 || filter.runId !== undefined)
        expect(plan).not.toContain('TEMP B-TREE');
    }
  }
});

test('a page of runs by several statuses uses the index of statuses', () => {
  const several = plansOf((statements) =>
    listRuns(statements, { limit: 50, statuses: ['queued', 'running'] }),
  );
  expect(several).toContain('runs_by_status');
  expect(several).not.toMatch(/SCAN runs/);
  const ofSession = plansOf((statements) =>
    listRuns(statements, { limit: 50, sessionId: 's', statuses: ['queued', 'running'] }),
  );
  expect(ofSession).toContain('runs_by_session');
});
