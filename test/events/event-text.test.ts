// The JSON text of an event: the same as the JSON of its value, and shared by all readers. Damage is found before it is
// passed on.

import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { NewEvent, StreamItem } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import { timeText } from '../../src/events/time-text.ts';
import { openStore, temporaryPath } from '../store/temporary-store.ts';
import { errorEvent, openLog, take } from './temporary-log.ts';

const events: readonly NewEvent[] = [
  errorEvent('plain'),
  errorEvent('a\u0000b\ud800c \u0085 \u2028 "quoted" \\ </script> 😀', { sessionId: 'ses_"1"\n' }),
  errorEvent('of a run', { sessionId: 'ses_1', runId: 'run_ü' }),
  { type: 'tool.start', data: { callId: 'c', tool: 't', params: { 10: 1, 2: [-0, 1e21, 0.1], b: {} } } },
];

test('the text of an event is its JSON, byte for byte', async () => {
  const { log } = await openLog();
  const appended = await log.append(events);
  const read = await log.read();
  const live = await take(log.subscribe({ after: 0 }), events.length);
  for (const [index, event] of appended.entries()) {
    const { id, timestamp } = event;
    const { type, data, sessionId, runId } = events[index] as NewEvent;
    const expected = { id, type, event: type, timestamp, sessionId, runId, sequence: index + 1, data };
    const text = JSON.stringify(expected);
    expect(event.text).toBe(text);
    expect(JSON.stringify(event)).toBe(text);
    expect(read[index]?.text).toBe(text);
    expect(live[index]).toMatchObject({ event: { text } });
  }
});

test('times are written as Date writes them, for any millisecond', () => {
  const times = [0, 999, 1000, 1_700_000_000_001, 1_700_000_000_000, 253_402_300_800_000, -1, 8.64e15];
  for (const time of times) expect(timeText(time)).toBe(new Date(time).toISOString());
  expect(() => timeText(8.64e15 + 1000)).toThrow(RangeError);
});

test('an event behaves as a plain object, before and after its data is read', async () => {
  const { log } = await openLog();
  await log.append(events);
  const untouched = (await log.read())[2];
  const copy = { ...untouched };
  expect(Object.keys((await log.read())[2] ?? {})).toEqual(Object.keys(copy));
  expect(inspect((await log.read())[2])).toBe(inspect(copy));
  expect(structuredClone((await log.read())[2])).toEqual(copy);
  expect(copy).toEqual(JSON.parse(untouched?.text ?? ''));
  expect(untouched?.data).toBe(untouched?.data);
  expect(untouched).toEqual(copy);
});

test('live readers share one event', async () => {
  const { log } = await openLog();
  const single = log.subscribe()[Symbol.asyncIterator]();
  const batched = [log.subscribeInBatches(), log.subscribeInBatches()].map((reader) =>
    reader[Symbol.asyncIterator](),
  );
  const waiting = Promise.all([single.next(), ...batched.map((reader) => reader.next())]);
  await nextTurn();
  const [appended] = await log.append([errorEvent('shared')]);
  const items: StreamItem[] = (await waiting).flatMap(({ value }) => value ?? []);
  expect(items).toHaveLength(3);
  for (const item of items) expect(item.kind === 'event' && item.event).toBe(appended);
  await log.close();
});

test('batches have the same items as single items, across pages and live events', async () => {
  const { log } = await openLog();
  const append = (count: number) => log.append(Array.from({ length: count }, (_, n) => errorEvent(`${n}`)));
  await append(450);
  const batches = log.subscribeInBatches({ after: 7, deltas: true });
  const sizes: number[] = [];
  const items: StreamItem[] = [];
  for await (const batch of batches) {
    sizes.push(batch.length);
    items.push(...batch);
    if (items.length === 443) {
      log.publish({ type: 'message.delta', data: { text: 'a' } });
      await append(3);
      log.publish({ type: 'message.delta', data: { text: 'b' } });
    }
    if (items.length >= 448) break;
  }
  expect(sizes).toEqual([200, 200, 43, 5]);
  const sequences = items.map((item) => (item.kind === 'event' ? item.event.sequence : item.kind));
  expect(sequences.slice(0, 443)).toEqual(Array.from({ length: 443 }, (_, n) => n + 8));
  expect(sequences.slice(443)).toEqual(['delta', 451, 452, 453, 'delta']);
  expect(log.stats().subscribers).toBe(0);
});

test.each([
  ['cut short', '{"code": "te'],
  ['with a flipped bit', '{"code":"test"<"message":"x"}'],
  ['with a control character', '{"code":"te\u0001st"}'],
  ['long and cut short', `{"text":"${'x'.repeat(20_000)}`],
  ['emptied', ''],
  ['a number', '5'],
  ['null', 'null'],
])('a row whose data is damaged (%s) is named by every read, never passed on', async (_what, data) => {
  const path = temporaryPath();
  const store = await openStore(path);
  const log = createEventLog({ store });
  const ids = (await log.append([errorEvent('1'), errorEvent('2'), errorEvent('3')])).map(({ id }) => id);
  const database = new DatabaseSync(path);
  database.prepare('UPDATE events SET data = ? WHERE sequence = 2').run(data);
  database.close();

  const named = `row "${ids[1]}" of table "events" is damaged`;
  await expect(log.read()).rejects.toThrow(named);
  await expect(log.read({ types: ['error', 'tool.*'] })).rejects.toThrow(named);
  await expect(log.get(ids[1] ?? '')).rejects.toThrow(named);
  await expect(take(log.subscribe({ after: 1 }), 1)).rejects.toThrow(named);
  // The others can be read.
  expect(await log.read({ after: 2 })).toHaveLength(1);
  expect(await log.read({ before: 2 })).toHaveLength(1);
  expect((await log.get(ids[2] ?? ''))?.id).toBe(ids[2]);
  await log.close();
});

test('data of a type without a schema must be an object too', async () => {
  const { store } = await openLog();
  const log = createEventLog({ store, rules: { ownTypes: new Set(['own.type']) } });
  for (const data of [5, 'text', null, new Date(0)]) {
    const event: unknown = { type: 'own.type', data };
    await expect(log.append([event as NewEvent])).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ pointer: '/data', message: 'must be an object' }],
    });
  }
  expect(await log.bounds()).toEqual({ first: 1, last: 0 });
});
