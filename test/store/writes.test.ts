// Writes: all or none of a caller's are kept, durably, and a caller fails alone. group-commit.test.ts has the limits.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { makeId } from '../../src/base/ids.ts';
import type { Write } from '../../src/store/store.ts';
import { stores } from './stores.ts';
import { eventRow, newEvent, newSession, sessionRow } from './temporary-store.ts';

describe.each(stores)('$name', ({ newPlace, open }) => {
  test('a thousand concurrent writes get consecutive sequence numbers and survive a reopen', async () => {
    const place = await newPlace();
    const store = await open(place);
    const rows = Array.from({ length: 1000 }, (_, n) => eventRow({ data: JSON.stringify({ n }) }));
    const sequences = await Promise.all(rows.map((event) => store.write([{ kind: 'appendEvent', event }])));
    expect(sequences.flat()).toEqual(rows.map((_, n) => n + 1));
    await store.close();

    const reopened = await open(place);
    const kept = await reopened.readEvents({ limit: 2000 });
    expect(kept).toEqual(rows.map((row, n) => ({ ...row, sequence: n + 1 })));
  });

  test('one invalid write among a thousand fails alone, and the others keep their order', async () => {
    const store = await open();
    const taken = makeId('evt');
    await store.write([newEvent({ id: taken })]);

    const results = await Promise.allSettled(
      Array.from({ length: 1000 }, (_, n) => store.write([newEvent(n === 500 ? { id: taken } : {})])),
    );
    const failed = results.flatMap((result, n) => (result.status === 'rejected' ? [n] : []));
    expect(failed).toEqual([500]);
    expect(await store.readEvents({ limit: 2000 })).toHaveLength(1000);
    const sequences = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    expect(new Set(sequences).size).toBe(999);
    // In the order they were asked for, also around the one that failed.
    expect(sequences).toEqual([...sequences].sort((left, right) => left - right));
  });

  test('the event loop turns between the commits of a long queue', async () => {
    const store = await open();
    let done = false;
    const long = Promise.all(Array.from({ length: 10_000 }, () => store.write([newEvent()]))).then(() => {
      done = true;
    });
    let turns = 0;
    while (!done) {
      await nextTurn();
      turns++;
    }
    await long;
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  test('close commits waiting writes; later writes and reads fail with a code; a second close does nothing', async () => {
    const place = await newPlace();
    const store = await open(place);
    const waiting = Array.from({ length: 5000 }, () => store.write([newEvent()]));
    await store.close();
    expect((await Promise.all(waiting)).flat()).toHaveLength(5000);
    await store.close();
    await expect(store.write([newEvent()])).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(store.readEvents({ limit: 1 })).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(store.probe()).rejects.toMatchObject({ code: 'storage_unavailable' });

    const reopened = await open(place);
    expect(await reopened.eventBounds()).toEqual({ first: 1, last: 5000 });
  });

  test('probe commits without adding an event', async () => {
    const store = await open();
    await store.probe();
    await store.probe();
    expect(await store.eventBounds()).toEqual({ first: 1, last: 0 });
  });

  test('text is kept exactly, with NUL, quotes and all planes of Unicode', async () => {
    const store = await open();
    const title = 'a\u0000b "quoted" \'; DROP TABLE sessions; -- 😀 \u{10ffff} é';
    await store.write([{ kind: 'putSession', session: sessionRow('s', title) }]);
    expect((await store.getSession('s'))?.title).toBe(title);
    const data = JSON.stringify({ text: title });
    await store.write([newEvent({ id: 'evt_x', data })]);
    expect((await store.getEvent('evt_x'))?.data).toBe(data);
  });

  test('all or none of the writes of a caller are kept, independently of the others in the commit', async () => {
    const store = await open();
    const taken = makeId('evt');
    await store.write([newEvent({ id: taken })]);
    const orphan = { id: 'msg_1', sessionId: 'none', runId: null, createdAt: 1, content: '""' };
    const results = await Promise.allSettled([
      store.write([newSession('ses_good'), newEvent({ sessionId: 'ses_good' })]),
      store.write([newSession('ses_bad'), newEvent({ sessionId: 'ses_bad' }), newEvent({ id: taken })]),
      store.write([
        newEvent({ sessionId: 'none' }),
        { kind: 'addMessage', message: { ...orphan, role: 'user' } },
      ]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await store.getSession('ses_good')).toBeDefined();
    expect(await store.getSession('ses_bad')).toBeUndefined();
    expect(await store.readEvents({ sessionId: 'ses_good', limit: 9 })).toHaveLength(1);
    expect(await store.readEvents({ sessionId: 'ses_bad', limit: 9 })).toEqual([]);
    expect(await store.readEvents({ sessionId: 'none', limit: 9 })).toEqual([]);
  });

  test('a write that is not a row fails alone', async () => {
    const store = await open();
    const unbindable = { kind: 'appendEvent', event: { ...eventRow(), data: {} } } as unknown as Write;
    const results = await Promise.allSettled(
      [[newEvent()], [newEvent({ timestamp: 1.5 })], [unbindable], [newEvent()], []].map((writes) =>
        store.write(writes),
      ),
    );
    const [kept, refused] = ['fulfilled', 'rejected'];
    expect(results.map(({ status }) => status)).toEqual([kept, refused, refused, kept, kept]);
    expect(await store.readEvents({ limit: 9 })).toHaveLength(2);
  });
});
