// One reader's way through the log: page by page from the store, then live, then from the store again whenever it fell behind.
// Nothing is lost and nothing comes twice, because only what is newer than `position` is passed on, in the order of the sequence.

import type { LoggedEvent } from '../contract/event.ts';
import type { StreamItem } from './event-log.ts';
import type { LiveQueue } from './live-queue.ts';

export interface FollowOptions {
  readonly queue: LiveQueue;
  /** The sequence of the last event the reader has. */
  readonly position: () => Promise<number>;
  readonly bounds: () => Promise<{ readonly first: number; readonly last: number }>;
  /** The reader's next events after `position`, in order; `isFull` if there may be more. */
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
        // Seen in the store already.
        if (item.event.sequence <= position) continue;
        position = item.event.sequence;
      }
      yield item;
      continue;
    }

    // From here on events are queued, so whatever the page below is too early to have comes live.
    queue.follow();
    const { first, last } = await bounds();
    if (position + 1 < first) {
      position = first - 1;
      yield { kind: 'gap', firstSequence: first };
    } else if (position > last) {
      // A number of another log: the reader's was replaced. Waiting for it to be reached would lose all events until then.
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
    // All of the reader's events up to `last` were in this page; the next catch-up need not look there again.
    else position = Math.max(position, last);
  }
  return undefined;
}
