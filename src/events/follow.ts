// A reader of the log: pages from the store, then live events, then the store again whenever it falls behind. Each
// event comes once, because only events after `position` are passed on, in the order of the sequence.

import type { LoggedEvent } from '../contract/event.ts';
import type { StreamItem } from './event-log.ts';
import type { LiveQueue } from './live-queue.ts';

export interface FollowOptions {
  readonly queue: LiveQueue;
  /** The sequence of the last event the reader has. */
  readonly position: () => Promise<number>;
  readonly bounds: () => Promise<{ readonly first: number; readonly last: number }>;
  /** The next events after `position`, in order. `isFull` if there may be more. */
  readonly readPage: (
    position: number,
  ) => Promise<{ readonly events: readonly LoggedEvent[]; readonly isFull: boolean }>;
}

export async function* follow({
  queue,
  position: start,
  bounds,
  readPage,
}: FollowOptions): AsyncGenerator<StreamItem, undefined> {
  let position = await start();
  while (!queue.ended) {
    if (!queue.behind) {
      const item = queue.take();
      if (item === undefined) {
        await queue.wait();
        continue;
      }
      if (item.kind === 'event') {
        // Already read from the store.
        if (item.event.sequence <= position) continue;
        position = item.event.sequence;
      }
      yield item;
      continue;
    }

    // Events are queued from here on, so events after the page below come live.
    queue.follow();
    const { first, last } = await bounds();
    if (position + 1 < first) {
      position = first - 1;
      yield { kind: 'gap', firstSequence: first };
    } else if (position > last) {
      // The sequence is from another log. Waiting until this log reaches it would lose all events before.
      position = last;
      yield { kind: 'gap', firstSequence: last + 1 };
    }
    const { events: page, isFull } = queue.ended ? { events: [], isFull: false } : await readPage(position);
    for (const event of page) {
      for (let delta = queue.takeDeltaBefore(event.sequence); delta; ) {
        yield delta;
        delta = queue.takeDeltaBefore(event.sequence);
      }
      if (queue.ended) return undefined;
      position = event.sequence;
      yield { kind: 'event', event };
    }
    if (isFull) queue.fallBehind();
    // The page had all events up to `last`, so the next read starts there.
    else position = Math.max(position, last);
  }
  return undefined;
}
