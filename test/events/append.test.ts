// Appending: which events are valid, how a refusal names the field, and what readers see afterwards.

import { expect, test } from 'vitest';
import { CodeBuddyError } from '../../src/base/errors.ts';
import type { NewEvent } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import { newSession, openStore, temporaryPath } from '../store/temporary-store.ts';
import { errorEvent, openLog, range } from './temporary-log.ts';

/** An event from a host application in plain JavaScript. */
function unchecked(type: string, data: unknown): NewEvent {
  return { type, data } as unknown as NewEvent;
}

function nested(depth: number): unknown {
  let value: unknown = 'core';
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? [value] : { value };
  return value;
}

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;

const complete = { callId: 'c', tool: 't', result: null, durationMs: 1 };
const withResult = (result: unknown): NewEvent => unchecked('tool.complete', { ...complete, result });

test.each<[string, NewEvent, RegExp, RegExp]>([
  ['a wrong type', unchecked('session.start', { title: 7 }), /^\/data\/title$/, /string/],
  ['a missing field', unchecked('session.start', {}), /^\/data\/title$/, /required/],
  ['an undefined field', unchecked('session.start', { title: undefined }), /^\/data\/title$/, /required/],
  [
    'an unknown field',
    unchecked('session.start', { title: '', 'a/b~': 1 }),
    /^\/data\/a~1b~0$/,
    /not a known field/,
  ],
  ['no data', unchecked('session.start', undefined), /^\/data$/, /undefined/],
  ['null', unchecked('session.start', null), /^\/data$/, /object/],
  ['NaN', withResult({ list: [1, Number.NaN] }), /^\/data\/result\/list\/1$/, /NaN/],
  [
    'a negative time',
    unchecked('tool.complete', { ...complete, durationMs: -1 }),
    /^\/data\/durationMs$/,
    /a number of at least 0/,
  ],
  ['a BigInt', withResult({ big: 1n }), /^\/data\/result\/big$/, /bigint/],
  ['a cycle', withResult(cyclic), /^\/data\/result\/self$/, /refers back/],
  ['a function', withResult(() => 1), /^\/data\/result$/, /function/],
  ['undefined in a list', withResult([undefined]), /^\/data\/result\/0$/, /undefined/],
  ['a nest of 600', withResult(nested(600)), /^\/data\/result\//, /nested deeper/],
  ['a nest of 100 000', withResult(nested(100_000)), /^\/data\/result\//, /nested deeper/],
  ['a type that is none', unchecked('no.such', {}), /^\/type$/, /catalogue/],
  ['a name of the prototype', unchecked('constructor', {}), /^\/type$/, /catalogue/],
  ['a delta', unchecked('message.delta', { text: 'x' }), /^\/type$/, /catalogue/],
])('%s is refused with validation_failed and a pointer', async (_what, event, pointer, message) => {
  const { log } = await openLog();
  // Together with a valid one: nothing of the call is kept.
  const refusal = await log.append([errorEvent('good'), event]).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refusal).toBeInstanceOf(CodeBuddyError);
  expect(refusal).toMatchObject({ code: 'validation_failed' });
  const { errors } = refusal as CodeBuddyError;
  expect(errors?.[0]).toMatchObject({
    in: 'body',
    pointer: expect.stringMatching(pointer),
    message: expect.stringMatching(message),
  });
  expect(await log.bounds()).toEqual({ first: 1, last: 0 });
  expect(log.stats().appended).toBe(0);
});

test('all invalid fields are named', async () => {
  const { log } = await openLog();
  await expect(log.append([unchecked('tool.start', { tool: 1, params: [] })])).rejects.toMatchObject({
    errors: [{ pointer: '/data/callId' }, { pointer: '/data/tool' }, { pointer: '/data/params' }],
  });
});

test('data nested 100 deep is kept; brackets inside text do not count', async () => {
  const { log } = await openLog();
  const result = { deep: nested(100), text: '[{"'.repeat(2000), escaped: '\\"'.repeat(500) };
  const [event] = await log.append([{ type: 'tool.complete', data: { ...complete, result } }]);
  expect(await log.get(event?.id ?? '')).toEqual(event);
  expect(event?.data).toEqual({ ...complete, result });
});

test('an undefined field counts as missing, as in JSON', async () => {
  const { log } = await openLog();
  const result = { exitCode: 0, signal: undefined };
  const [event] = await log.append([
    unchecked('run.failed', { code: 'c', message: 'm', interrupted: undefined }),
    withResult(result),
  ]);
  expect(event?.data).toStrictEqual({ code: 'c', message: 'm' });
});

test('any text is kept, with lone surrogates and NUL', async () => {
  const { log } = await openLog();
  const message = 'a\u0000b\ud800c \u2028 </script> 😀';
  const [event] = await log.append([errorEvent(message)]);
  expect((await log.get(event?.id ?? ''))?.data).toEqual({ code: 'test', message });
});

test('append returns the event as readers see it', async () => {
  const { log } = await openLog();
  const events = await log.append([
    { type: 'session.start', data: { title: 'one' }, sessionId: 'ses_1', runId: 'run_1' },
    errorEvent('two'),
  ]);
  expect(events).toEqual([
    {
      id: expect.stringMatching(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/),
      type: 'session.start',
      event: 'session.start',
      timestamp: '2023-11-14T22:13:20.000Z',
      sessionId: 'ses_1',
      runId: 'run_1',
      sequence: 1,
      data: { title: 'one' },
    },
    expect.objectContaining({ type: 'error', sequence: 2 }),
  ]);
  expect(events[1]).not.toHaveProperty('sessionId');
  expect(await log.read()).toEqual(events);
  expect(await log.get(events[0]?.id ?? '')).toEqual(events[0]);
  expect(await log.get('evt_none')).toBeUndefined();
  expect(log.stats()).toEqual({ appended: 2, subscribers: 0, seen: 2 });
});

test('later changes of the object of the caller do not change the event', async () => {
  const { log } = await openLog();
  const data = { code: 'test', message: 'before' };
  const pending = log.append([{ type: 'error', data }]);
  data.message = 'after';
  const [event] = await pending;
  expect(event?.data).toEqual({ code: 'test', message: 'before' });
});

test('rows and events of one call are kept together or not at all', async () => {
  const { log, store } = await openLog();
  await log.append([errorEvent('x', { sessionId: 'ses_1' })], [newSession('ses_1')]);
  expect(await store.getSession('ses_1')).toBeDefined();
  await expect(
    log.append(
      [errorEvent('y')],
      [
        newSession('ses_2'),
        {
          kind: 'putRun',
          run: { id: 'r', sessionId: 'none', status: 's', createdAt: 1, updatedAt: 1, details: '' },
        },
      ],
    ),
  ).rejects.toMatchObject({ code: 'session_not_found' });
  expect(await store.getSession('ses_2')).toBeUndefined();
  expect(await log.bounds()).toEqual({ first: 1, last: 1 });
});

test('pages are filtered by session, run, type and bounds, in both orders', async () => {
  const { log } = await openLog();
  await log.append(
    range(1, 12).map((n): NewEvent => {
      const scope = { sessionId: n % 2 ? 'ses_odd' : 'ses_even', runId: n <= 6 ? 'run_1' : 'run_2' };
      if (n % 3 === 0) return errorEvent(`${n}`, scope);
      if (n % 3 === 1)
        return { type: 'tool.start', data: { callId: `${n}`, tool: 't', params: {} }, ...scope };
      return { type: 'tool.complete', data: { ...complete, callId: `${n}` }, ...scope };
    }),
  );
  const read = async (query: Parameters<typeof log.read>[0]) =>
    (await log.read(query)).map(({ sequence }) => sequence);
  expect(await read({ sessionId: 'ses_odd' })).toEqual([1, 3, 5, 7, 9, 11]);
  expect(await read({ runId: 'run_2' })).toEqual(range(7, 12));
  expect(await read({ sessionId: 'ses_odd', runId: 'run_2' })).toEqual([7, 9, 11]);
  expect(await read({ sessionId: 'none' })).toEqual([]);
  expect(await read({ types: ['error'] })).toEqual([3, 6, 9, 12]);
  expect(await read({ types: ['tool.*'] })).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
  expect(await read({ types: ['tool.start', 'error'], limit: 3 })).toEqual([1, 3, 4]);
  expect(await read({ types: ['tool.*'], order: 'desc', limit: 3 })).toEqual([11, 10, 8]);
  expect(await read({ types: ['*'] })).toEqual(range(1, 12));
  expect(await read({ types: ['error', '*'] })).toEqual(range(1, 12));
  expect(await read({ types: [] })).toEqual([]);
  expect(await read({ after: 10 })).toEqual([11, 12]);
  expect(await read({ before: 3 })).toEqual([1, 2]);
  expect(await read({ after: 3, before: 7 })).toEqual([4, 5, 6]);
  expect(await read({ after: 3, before: 7, order: 'desc', limit: 2 })).toEqual([6, 5]);
});

test.each(['nope', 'tool', 'tool.', 'nope.*', '.*', 'tool.*.*', '', 'Tool.*', '**'])(
  'a type filter of %j, which can match nothing, is refused',
  async (pattern) => {
    const { log } = await openLog();
    const refusal = { code: 'validation_failed', errors: [{ in: 'query', pointer: '/types' }] };
    await expect(log.read({ types: ['error', pattern] })).rejects.toMatchObject(refusal);
    expect(() => log.subscribe({ types: [pattern] })).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
    expect(log.stats().subscribers).toBe(0);
  },
);

test('a page has 50 events by default; a limit outside 1 to 200 is refused', async () => {
  const { log } = await openLog();
  await log.append(range(1, 250).map((n) => errorEvent(`${n}`)));
  expect(await log.read()).toHaveLength(50);
  expect(await log.read({ limit: 200 })).toHaveLength(200);
  expect(await log.read({ limit: 1 })).toHaveLength(1);
  for (const limit of [0, -1, 201, 1.5, Number.NaN]) {
    await expect(log.read({ limit })).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ in: 'query', pointer: '/limit' }],
    });
  }
});

test('a log on a closed store fails with a code', async () => {
  const store = await openStore(temporaryPath());
  const log = createEventLog({ store });
  await store.close();
  await expect(log.append([errorEvent('x')])).rejects.toMatchObject({ code: 'storage_unavailable' });
  await expect(log.read()).rejects.toMatchObject({ code: 'storage_unavailable' });
});
