// Subscriptions: logged events, then new ones, none lost and none twice, and an end that leaves nothing behind.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { NewEvent, StreamItem } from '../../src/events/event-log.ts';
import { errorEvent, openLog, range, sequencesOf, take } from './temporary-log.ts';

test('readers that start during 2 000 concurrent appends see each event once', async () => {
  const { log } = await openLog();
  await log.append(range(1, 300).map((n) => errorEvent(`before ${n}`)));
  const appends: Promise<unknown>[] = [];
  const appendSome = (count: number) => {
    for (let n = 0; n < count; n++) appends.push(log.append([errorEvent(`${n}`)]));
  };
  appendSome(700);
  const fast = take(log.subscribe({ after: 0 }), 2300);
  const resumed = take(log.subscribe({ after: 250 }), 2050);
  const slow = (async () => {
    const seen: StreamItem[] = [];
    for await (const item of log.subscribe({ after: 0 })) {
      seen.push(item);
      // Slower than the appends: the queue overruns and the log is read again.
      if (seen.length % 20 === 0) await nextTurn();
      if (seen.length === 2300) break;
    }
    return seen;
  })();
  for (let n = 0; n < 13; n++) {
    await nextTurn();
    appendSome(100);
  }
  await Promise.all(appends);
  expect(sequencesOf(await fast)).toEqual(range(1, 2300));
  expect(sequencesOf(await resumed)).toEqual(range(251, 2300));
  const slowItems = await slow;
  expect(sequencesOf(slowItems)).toEqual(range(1, 2300));
  expect(slowItems.every(({ kind }) => kind === 'event')).toBe(true);
  expect(log.stats()).toEqual({ appended: 2300, subscribers: 0, seen: 2300 });
});

test('a reader whose queue overflows continues from the log without a gap', async () => {
  const { log } = await openLog();
  const items = log.subscribe()[Symbol.asyncIterator]();
  await log.append([errorEvent('first')]);
  expect(await items.next()).toMatchObject({ value: { event: { sequence: 1 } } });
  for (let n = 0; n < 10; n++) await log.append(range(1, 100).map((m) => errorEvent(`${n} ${m}`)));
  const seen: number[] = [];
  while (seen.length < 1000) seen.push(...sequencesOf([(await items.next()).value]));
  expect(seen).toEqual(range(2, 1001));
  await items.return?.();
});

test('without `after` a reader gets the events after the call, also before it begins to iterate', async () => {
  const { log } = await openLog();
  await log.append([errorEvent('old')]);
  const items = log.subscribe();
  await log.append([errorEvent('new 1')]);
  await log.append([errorEvent('new 2')]);
  expect(sequencesOf(await take(items, 2))).toEqual([2, 3]);
});

test('filters apply to logged and new events', async () => {
  const { log } = await openLog();
  const mixed = (n: number): NewEvent[] => [
    errorEvent(`${n}`, { sessionId: 's', runId: 'r' }),
    errorEvent(`${n}`, { sessionId: 's' }),
    errorEvent(`${n}`, { sessionId: 'other', runId: 'r' }),
    { type: 'tool.start', data: { callId: 'c', tool: 't', params: {} }, sessionId: 's', runId: 'r' },
    { type: 'session.start', data: { title: '' }, sessionId: 's' },
  ];
  await log.append(mixed(1));
  const both = take(log.subscribe({ after: 0, sessionId: 's', runId: 'r' }), 4);
  const tools = take(log.subscribe({ after: 0, types: ['tool.*', 'session.start'] }), 4);
  const session = take(log.subscribe({ after: 0, sessionId: 'other' }), 2);
  await nextTurn();
  await log.append(mixed(2));
  expect(sequencesOf(await both)).toEqual([1, 4, 6, 9]);
  expect(sequencesOf(await tools)).toEqual([4, 5, 9, 10]);
  expect(sequencesOf(await session)).toEqual([3, 8]);
});

test('deltas go only to readers that asked for them, adjacent ones joined, in order with events', async () => {
  const { log } = await openLog();
  const with_ = log.subscribe({ deltas: true, sessionId: 's' });
  const without = log.subscribe({ sessionId: 's' });
  const delta = (text: string, sessionId = 's') =>
    log.publish({ type: 'message.delta', sessionId, data: { text } });
  const output = (stream: 'stdout' | 'stderr', text: string) =>
    log.publish({ type: 'tool.output', sessionId: 's', data: { callId: 'c', tool: 't', stream, text } });
  delta('Hel');
  delta('lo');
  delta('not mine', 'other');
  await log.append([errorEvent('1', { sessionId: 's' })]);
  output('stdout', 'a');
  output('stdout', 'b');
  output('stderr', 'c');
  await log.append([errorEvent('2', { sessionId: 's' })]);

  const seen = await take(with_, 5);
  expect(
    seen.map((item) =>
      item.kind === 'delta' ? item.delta.data.text : item.kind === 'event' && item.event.sequence,
    ),
  ).toEqual(['Hello', 1, 'ab', 'c', 2]);
  expect(seen[0]).toEqual({
    kind: 'delta',
    delta: {
      type: 'message.delta',
      timestamp: '2023-11-14T22:13:20.000Z',
      sessionId: 's',
      data: { text: 'Hello' },
    },
  });
  expect((await take(without, 2)).map(({ kind }) => kind)).toEqual(['event', 'event']);
});

test('a reader that asks for pruned events gets one gap with the first sequence', async () => {
  const { log, store } = await openLog();
  await log.append(range(1, 20).map((n) => errorEvent(`${n}`)));
  await store.pruneEvents(Number.MAX_SAFE_INTEGER, 8);
  const seen = await take(log.subscribe({ after: 3 }), 13);
  expect(seen[0]).toEqual({ kind: 'gap', firstSequence: 9 });
  expect(sequencesOf(seen)).toEqual(range(9, 20));
  // From the last pruned one nothing is missing.
  expect(await take(log.subscribe({ after: 8 }), 1)).toMatchObject([{ event: { sequence: 9 } }]);

  await store.pruneEvents(Number.MAX_SAFE_INTEGER, 1000);
  const empty = take(log.subscribe({ after: 3 }), 2);
  await nextTurn();
  await log.append([errorEvent('next')]);
  expect(await empty).toMatchObject([
    { kind: 'gap', firstSequence: 21 },
    { kind: 'event', event: { sequence: 21 } },
  ]);
});

test.each([0, 3, 300])('break ends a subscription, with %d events in the log', async (logged) => {
  const { log } = await openLog();
  if (logged > 0) await log.append(range(1, logged).map((n) => errorEvent(`${n}`)));
  const reading = take(log.subscribe({ after: 0 }), logged + 1);
  expect(log.stats().subscribers).toBe(1);
  await nextTurn();
  await log.append([errorEvent('last')]);
  expect(await reading).toHaveLength(logged + 1);
  expect(log.stats().subscribers).toBe(0);
});

test('an abort ends a reader that waits, reads, is within a page, or has not begun', async () => {
  const { log } = await openLog();
  await log.append(range(1, 100).map((n) => errorEvent(`${n}`)));
  const readToEnd = async (items: AsyncIterable<StreamItem>, each: (count: number) => void = () => {}) => {
    let count = 0;
    for await (const _item of items) each(++count);
    return count;
  };

  const waiting = new AbortController();
  const waits = readToEnd(log.subscribe({ signal: waiting.signal }));
  await nextTurn();
  await nextTurn();
  waiting.abort();
  expect(await waits).toBe(0);

  const reading = new AbortController();
  const reads = readToEnd(log.subscribe({ after: 0, signal: reading.signal }));
  reading.abort();
  expect(await reads).toBe(0);

  for (const at of [1, 50, 100]) {
    const within = new AbortController();
    const items = log.subscribe({ after: 0, signal: within.signal });
    expect(await readToEnd(items, (count) => count === at && within.abort())).toBe(at);
  }

  const before = new AbortController();
  const unread = log.subscribe({ after: 0, signal: before.signal });
  before.abort();
  expect(log.stats().subscribers).toBe(0);
  expect(await readToEnd(unread)).toBe(0);
  expect(await readToEnd(log.subscribe({ signal: AbortSignal.abort() }))).toBe(0);
  expect(log.stats().subscribers).toBe(0);
});

test('return() ends a reader that waits for its next item', async () => {
  const { log } = await openLog();
  const items = log.subscribe()[Symbol.asyncIterator]();
  const next = items.next();
  await nextTurn();
  await items.return?.();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(log.stats().subscribers).toBe(0);
});

test('close ends all readers, and none can begin after it', async () => {
  const { log } = await openLog();
  await log.append([errorEvent('1')]);
  const waiting = log.subscribe()[Symbol.asyncIterator]();
  const waits = waiting.next();
  const inPage = log.subscribe({ after: 0 })[Symbol.asyncIterator]();
  await inPage.next();
  log.subscribe();
  expect(log.stats().subscribers).toBe(3);
  await log.close();
  expect(await waits).toEqual({ done: true, value: undefined });
  expect(await inPage.next()).toEqual({ done: true, value: undefined });
  expect(log.stats().subscribers).toBe(0);
  expect(await take(log.subscribe({ after: 0 }), 1)).toEqual([]);
});

test('a failing store ends the subscription with its error and leaves no subscriber', async () => {
  const { log, store } = await openLog();
  await log.append([errorEvent('1')]);
  const items = log.subscribe({ after: 0 });
  await store.close();
  await expect(take(items, 1)).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(log.stats().subscribers).toBe(0);
});

test('a reader ahead of the log gets a gap, then new events', async () => {
  const { log } = await openLog();
  await log.append([errorEvent('1')]);
  const items = take(log.subscribe({ after: 1000 }), 2);
  await nextTurn();
  await log.append([errorEvent('2')]);
  expect(await items).toMatchObject([
    { kind: 'gap', firstSequence: 2 },
    { kind: 'event', event: { sequence: 2 } },
  ]);
});
