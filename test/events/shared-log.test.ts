// A log that several nodes append to. Two or three logs share one SQLite store here; each has its own feed, and commits
// are answered late, as over a network. test/postgres/ does the same with real nodes.

import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Delta } from '../../src/contract/event.ts';
import type { EventLog, StreamItem } from '../../src/events/event-log.ts';
import { createEventLog } from '../../src/events/log.ts';
import type { DeltaRelay } from '../../src/store/ownership.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore, temporaryPath } from '../store/temporary-store.ts';
import { waitFor } from '../wait-for.ts';
import { errorEvent, messageOf, range, sequencesOf, take } from './temporary-log.ts';

interface Node {
  readonly log: EventLog;
  /** The ranges of `foreign` and the sequences of `committed`, in the order of the calls. */
  readonly seen: (number | { readonly after: number; readonly upTo: number })[];
  /** Tell this node how far the log is. */
  announce(last: number): void;
  readonly deltas: { delta: Delta; after: number }[];
  receive(delta: Delta, after: number): void;
  /** The deltas that other nodes are asked for now. */
  readonly interests: Set<object>;
}

/** `delay`: how long an answer of the store takes. */
function addNode(store: Store, delay: () => number = () => 0): Node {
  const listeners = new Set<(last: number) => void>();
  let onDelta: (delta: Delta, after: number) => void = () => undefined;
  const deltas: { delta: Delta; after: number }[] = [];
  const interests = new Set<object>();
  const relay: DeltaRelay = {
    publish: (delta, after) => void deltas.push({ delta, after }),
    flush: () => undefined,
    listen(interest) {
      interests.add(interest);
      return () => interests.delete(interest);
    },
    onDelta(listener) {
      onDelta = listener;
      return () => undefined;
    },
  };
  let earlier: Promise<unknown> = Promise.resolve();
  const shared: Store = {
    ...store,
    async write(writes, options) {
      const written = store.write(writes, options);
      const before = earlier;
      // Answers of one node come in the order of the sequence.
      const answered = (async () => {
        const sequences = await written;
        const ms = delay();
        if (ms > 0) await sleep(ms);
        await before.catch(() => undefined);
        return sequences;
      })();
      earlier = answered;
      return answered;
    },
    async readEvents(query) {
      const ms = delay();
      if (ms > 0) await sleep(ms);
      return store.readEvents(query);
    },
    feed: {
      onAppended(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      onChange: () => () => undefined,
    },
  };
  const log = createEventLog({ store: shared, deltas: relay });
  onTestFinished(() => log.close());
  const seen: Node['seen'] = [];
  log.attach({
    plan: (event) => ({
      payload: { head: '', tail: null },
      hop: 0,
      createdAt: 1,
      expiresAt: 2,
      deliveries: [{ id: event.id.replace('evt', 'dlv'), webhookId: 'whk_1' }],
    }),
    committed: (event) => void seen.push(event.sequence),
    foreign: (events) => void seen.push(events),
  });
  return {
    log,
    seen,
    announce: (last) => {
      for (const listener of listeners) listener(last);
    },
    deltas,
    receive: (delta, after) => onDelta(delta, after),
    interests,
  };
}

/** All sequences that an outbox was told of, in order. */
function covered(seen: Node['seen']): number[] {
  return seen.flatMap((one) => (typeof one === 'number' ? [one] : range(one.after + 1, one.upTo)));
}

const aDelta = (text: string, runId = 'run_1'): Delta => ({
  type: 'message.delta',
  timestamp: '2026-01-01T00:00:00.000Z',
  sessionId: 'ses_1',
  runId,
  data: { text },
});

const textOf = (item: StreamItem): string =>
  item.kind === 'delta' ? item.delta.data.text : item.kind === 'event' ? messageOf(item.event) : 'gap';

test('readers on two nodes get the events of both in order', async () => {
  const store = await openStore(temporaryPath());
  const [one, two] = [addNode(store), addNode(store)];
  const readers = [one.log, two.log].map((log) => take(log.subscribe({ after: 0 }), 3));
  await one.log.append([errorEvent('first')]);
  await two.log.append([errorEvent('second')]);
  await one.log.append([errorEvent('third')]);
  two.announce(3);
  for (const items of await Promise.all(readers))
    expect(items.map(textOf)).toEqual(['first', 'second', 'third']);
  expect(one.seen).toEqual([1, { after: 1, upTo: 2 }, 3]);
  expect(two.seen).toEqual([{ after: 0, upTo: 1 }, 2, { after: 2, upTo: 3 }]);
});

test('an event of this node that is next in order is passed on before the append resolves', async () => {
  const store = await openStore(temporaryPath());
  const { log } = addNode(store);
  await log.bounds();
  const items = log.subscribeInBatches()[Symbol.asyncIterator]();
  const first = items.next();
  await log.append([errorEvent('own')]);
  expect((await first).value?.map(textOf)).toEqual(['own']);
});

test('random appends, delays and lost announcements: no gap and no duplicate on any node', async () => {
  const step = fc.record({ node: fc.nat(2), events: fc.integer({ min: 1, max: 4 }), pause: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.array(fc.nat(3), { minLength: 5, maxLength: 20 }),
      fc.array(fc.boolean(), { minLength: 5, maxLength: 20 }),
      async (steps, delays, lost) => {
        const store = await openStore(temporaryPath());
        let turn = 0;
        const next = <T>(values: readonly T[]): T => values[turn++ % values.length] as T;
        const nodes = [0, 1, 2].map(() => addNode(store, () => next(delays)));
        const total = steps.reduce((sum, { events }) => sum + events, 0);
        const early = nodes.map(({ log }) => take(log.subscribe({ after: 0 }), total));
        const appends: Promise<unknown>[] = [];
        for (const { node, events, pause } of steps) {
          const { log } = nodes[node] as Node;
          appends.push(log.append(range(1, events).map((n) => errorEvent(`${node} ${n}`))));
          if (pause > 0) await sleep(pause);
          const { last } = await store.eventBounds();
          for (const { announce } of nodes) if (!next(lost)) announce(last);
        }
        await Promise.all(appends);
        for (const { announce } of nodes) announce(total);
        for (const items of await Promise.all(early)) expect(sequencesOf(items)).toEqual(range(1, total));
        for (const { seen } of nodes) expect(covered(seen)).toEqual(range(1, total));
        await Promise.all(nodes.map(({ log }) => log.close()));
        await store.close();
      },
    ),
    { numRuns: 40 },
  );
});

test('events of other nodes are not read while the log has no reader', async () => {
  const store = await openStore(temporaryPath());
  let reads = 0;
  const one = addNode(store);
  const two = addNode({
    ...store,
    readEvents(query) {
      reads++;
      return store.readEvents(query);
    },
  });
  await one.log.append(range(1, 5).map((n) => errorEvent(`${n}`)));
  await two.log.append([errorEvent('own')]);
  two.announce(6);
  expect(covered(two.seen)).toEqual(range(1, 6));
  expect(reads).toBe(0);
});

test('a failed read is tried again', async () => {
  const store = await openStore(temporaryPath());
  let failures = 2;
  const one = addNode(store);
  const two = addNode({
    ...store,
    async readEvents(query) {
      if (query.after !== 0 && failures-- > 0) throw new Error('away');
      return store.readEvents(query);
    },
  });
  const reader = take(two.log.subscribe({ after: 0 }), 4);
  await two.log.append([errorEvent('own 1')]);
  await one.log.append([errorEvent('other 1'), errorEvent('other 2')]);
  await two.log.append([errorEvent('own 2')]);
  expect((await reader).map(textOf)).toEqual(['own 1', 'other 1', 'other 2', 'own 2']);
});

test('a delta of another node waits for the event before it, and comes before the next one', async () => {
  const store = await openStore(temporaryPath());
  const [one, two] = [addNode(store), addNode(store)];
  await one.log.append([errorEvent('start', { runId: 'run_1' })]);
  const items = two.log.subscribe({ after: 0, deltas: true, runId: 'run_1' })[Symbol.asyncIterator]();
  expect([...two.interests]).toMatchObject([{ runId: 'run_1' }]);
  expect(textOf((await items.next()).value as StreamItem)).toBe('start');
  await one.log.append([errorEvent('step', { runId: 'run_1' })]);
  one.log.publish({ type: 'message.delta', runId: 'run_1', sessionId: 'ses_1', data: { text: 'a' } });
  expect(one.deltas.map(({ after }) => after)).toEqual([2]);
  // The delta overtakes the news of the event.
  two.receive(aDelta('a'), 2);
  two.announce(2);
  await one.log.append([errorEvent('end', { runId: 'run_1' })]);
  two.announce(3);
  const rest = [await items.next(), await items.next(), await items.next()];
  expect(rest.map(({ value }) => textOf(value as StreamItem))).toEqual(['step', 'a', 'end']);
  // Readers have the whole text already.
  two.receive(aDelta('late'), 2);
  await two.log.append([errorEvent('last', { runId: 'run_1' })]);
  expect(textOf((await items.next()).value as StreamItem)).toBe('last');
  await items.return?.();
  await waitFor('the end of the interest', () => two.interests.size === 0);
});
