// Pages of events: their content, in every combination of filters. event-page-plans.test.ts has their cost.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EventQuery, EventRow } from '../../src/store/store.ts';
import { stores } from './stores.ts';
import { eventRow, newEvent } from './temporary-store.ts';

const types = ['a', 'b', 'c'];
const sessions = ['ses_1', 'ses_2', null];
const numRuns = 300;

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

describe.each(stores)('$name', ({ open }) => {
  test('a page has the events that match its filters, in the requested order', async () => {
    const store = await open();
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
      { numRuns },
    );
  });

  test('pruning removes the oldest events without holes, even if the clock was set back', async () => {
    const store = await open();
    const times = [10, 30, 20, 40, 50];
    await store.write(times.map((timestamp) => ({ kind: 'appendEvent', event: eventRow({ timestamp }) })));
    expect(await store.pruneEvents(25, 10)).toBe(3);
    expect(await store.eventBounds()).toEqual({ first: 4, last: 5 });
  });

  test('long and short data are read alike, and a page ends with the event that reaches its text', async () => {
    const store = await open();
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
});
