// Concurrent writes: each caller gets all or none of its writes, fails alone, and is refused immediately if too much
// waits.

import { describe, expect, test } from 'vitest';
import { stores } from './stores.ts';
import { newEvent, newSession } from './temporary-store.ts';

describe.each(stores)('$name', ({ open }) => {
  test('concurrent writes get consecutive numbers in the order of the calls', async () => {
    const store = await open();
    const results = await Promise.all(
      Array.from({ length: 3000 }, (_, index) =>
        store.write(index % 3 === 0 ? [newEvent(), newEvent()] : [newEvent()]),
      ),
    );
    expect(results.flat()).toEqual(Array.from({ length: 4000 }, (_, index) => index + 1));
  });

  test('a caller with an invalid row loses all of its writes; the others of the commit are kept', async () => {
    const store = await open();
    const twice = newEvent();
    await store.write([twice]);
    const results = await Promise.allSettled([
      store.write([newEvent({ type: 'before' })]),
      store.write([newSession('ses_lost'), newEvent({ type: 'lost' }), twice]),
      store.write([newEvent({ type: 'after' })]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const kept = await store.readEvents({ limit: 10 });
    expect(kept.map(({ type }) => type)).toEqual(['error', 'before', 'after']);
    expect(results[2]).toMatchObject({ value: [kept[2]?.sequence] });
    expect(await store.getSession('ses_lost')).toBeUndefined();
  });

  test('a write that is not a row is refused alone', async () => {
    const store = await open();
    const results = await Promise.allSettled([
      store.write([newEvent({ data: { not: 'text' } as unknown as string })]),
      store.write([newEvent({ timestamp: 1.5 })]),
      store.write([newEvent()]),
      store.write([]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
  });

  test('writes beyond 100 000 waiting rows are refused at once, and accepted ones are kept', async () => {
    const store = await open();
    const results = await Promise.allSettled(
      Array.from({ length: 110 }, () => store.write(Array.from({ length: 1000 }, () => newEvent()))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(10);
    expect(refused[0]?.reason).toMatchObject({
      code: 'storage_unavailable',
      headers: { 'Retry-After': '1' },
    });
    expect(await store.eventBounds()).toEqual({ first: 1, last: 100_000 });
    expect(await store.write([newEvent()])).toEqual([100_001]);
  });

  test('writes beyond 64 Mi characters of waiting text are refused at once', async () => {
    const store = await open();
    const data = JSON.stringify('x'.repeat(16 * 1024 * 1024));
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => store.write([newEvent({ data })])),
    );
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
  });
});
