// The live end of a log that several nodes append to: puts own commits in order with those of other nodes, and passes
// deltas from and to them.

import type { DeltaRelay } from '../store/ownership.ts';
import type { Store, StoreFeed } from '../store/store.ts';
import { createDeltaPlaces } from './delta-places.ts';
import type { LiveEnd, LiveReaders } from './live-end.ts';
import { createSharedTail } from './shared-tail.ts';

export interface SharedLiveEndOptions {
  readonly store: Pick<Store, 'eventBounds' | 'readEvents'>;
  readonly feed: StoreFeed;
  readonly relay: DeltaRelay | undefined;
  readonly readers: LiveReaders;
}

export function createSharedLiveEnd({ store, feed, relay, readers }: SharedLiveEndOptions): LiveEnd {
  const places = createDeltaPlaces(readers.passOnDelta);
  /** The last event that this node has appended or passed on. */
  let newest = 0;
  let isStarted = false;
  let starting: Promise<number> | undefined;

  const tail = createSharedTail({
    store,
    feed,
    outbox: readers.outbox,
    hasReaders: () => readers.count() > 0,
    passOn(row, event) {
      places.movedTo(row.sequence - 1);
      readers.passOn(row, event);
      places.passedOn(row);
    },
    onMoved(sequence) {
      newest = Math.max(newest, sequence);
      places.movedTo(sequence);
    },
  });
  const stopDeltas = relay?.onDelta((delta, after) => {
    if (readers.count() > 0) places.place(delta, after);
  });

  async function start(): Promise<number> {
    const { last } = await store.eventBounds();
    isStarted = true;
    tail.start(last);
    return last;
  }

  /** A failure is not kept: the next caller tries again. */
  function started(): Promise<number> {
    starting ??= start().catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return starting;
  }
  started().catch(() => undefined);

  return {
    tail: () => (isStarted ? Math.max(tail.tail, newest) : undefined),
    started,
    async beforeAppend(events) {
      if (!isStarted) await started();
      if (relay === undefined) return;
      // Readers elsewhere must get the deltas before the event that has their whole text.
      for (const { runId } of events) if (runId !== undefined) await relay.flush(runId);
    },
    committed(row, event, planned) {
      newest = row.sequence;
      tail.committed(row, event, planned);
    },
    publish(delta) {
      if (readers.count() > 0) places.place(delta, newest);
      relay?.publish(delta, newest);
    },
    listen: (interest) => relay?.listen(interest) ?? (() => undefined),
    close() {
      stopDeltas?.();
      tail.close();
      places.clear();
    },
  };
}
