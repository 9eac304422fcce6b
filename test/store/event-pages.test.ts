// Pages of events: their content, and the indices that keep their cost independent of the length of the log.

import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEvents } from '../../src/store/sqlite/event-reader.ts';
import { migrate } from '../../src/store/sqlite/migrations.ts';
import { listRuns } from '../../src/store/sqlite/run-lister.ts';
import { prepareReads } from '../../src/store/sqlite/statements.ts';
import type { EventQuery, EventRow } from '../../src/store/store.ts';
import { eventRow, newEvent, openStore, temporaryPath } from './temporary-store.ts';

const types = ['a', 'b', 'c'];
const sessions = ['ses_1', 'ses_2', null];

function expected(all: readonly EventRow[], query: EventQuery): readonly EventRow[] {
  const matching = all.filter(
    (event) =>
      event.sequence > (query.after ?? 0) &&
      event.sequence < (query.before ?? Number.POSITIVE_INFINITY) &&
      (query.sessionId === undefined || event.sessionId === query.sessionId) &&
      (query.runId === undefined || event.runId === query.runId) &&
      (query.types === undefined || query.types.includes(event.type)),
  );
  return (query.order === 'desc' ? matching.reverse() : matching).slice(0, query.limit);
}

test('a page has the events that match its filters, in the requested order', async () => {
  const store = await openStore(temporaryPath());
  const rows = Array.from({ length: 120 }, (_, index) =>
    eventRow({
      type: types[(index * 7) % 3] as string,
      sessionId: sessions[(index * 5) % 3] as string | null,
      runId: index % 4 === 0 ? 'run_1' : null,
    }),
  );
  const sequences = await store.write(rows.map((event) => ({ kind: 'appendEvent', event })));
  const all = rows.map((row, index) => ({ ...row, sequence: sequences[index] as number }));

  const bound = fc.integer({ min: 0, max: 130 });
  const queries = fc.record(
    {
      limit: fc.integer({ min: 1, max: 140 }),
      after: bound,
      before: bound,
      sessionId: fc.constantFrom('ses_1', 'ses_2', 'ses_none'),
      runId: fc.constantFrom('run_1', 'run_none'),
      types: fc.array(fc.constantFrom('a', 'b', 'c', 'none'), { maxLength: 5 }),
      order: fc.constantFrom('asc' as const, 'desc' as const),
    },
    { requiredKeys: ['limit'] },
  );
  await fc.assert(
    fc.asyncProperty(queries, async (query) => {
      expect(await store.readEvents(query)).toEqual(expected(all, query));
    }),
    { numRuns: 500 },
  );
});

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

test('pruning removes the oldest events without holes, even if the clock was set back', async () => {
  const store = await openStore(temporaryPath());
  const times = [10, 30, 20, 40, 50];
  await store.write(times.map((timestamp) => ({ kind: 'appendEvent', event: eventRow({ timestamp }) })));
  expect(await store.pruneEvents(25, 10)).toBe(3);
  expect(await store.eventBounds()).toEqual({ first: 4, last: 5 });
});

test('long and short data are read alike, and a page ends with the event that reaches its text', async () => {
  const store = await openStore();
  const lengths = [11, 16_384, 16_385, 20_000, 100, 300_000, 16_384];
  const texts = lengths.map((length) => JSON.stringify({ text: 'x'.repeat(length - 11) }));
  // Two bytes a character: long in UTF-8 only.
  texts.push(JSON.stringify({ text: 'ä'.repeat(10_000) }));
  await store.write(texts.map((data) => newEvent({ data })));
  expect((await store.readEvents({ limit: 100 })).map(({ data }) => data)).toEqual(texts);
  expect(await store.readEvents({ limit: 100, maxText: 40_000 })).toHaveLength(4);
  const backwards = await store.readEvents({ limit: 3, order: 'desc' });
  expect(backwards.map(({ data }) => data)).toEqual(texts.slice(-3).reverse());
  for (const { id, data } of await store.readEvents({ limit: 100 }))
    expect((await store.getEvent(id))?.data).toBe(data);
});
