// A reader of the log: pages from the store, then live events, then the store again whenever it falls behind. Each
// event comes once, because only events after `position` are passed on, in the order of the sequence.

import type { StreamItem } from './event-log.ts';
import type { LiveItem, LiveQueue } from './live-queue.ts';
import type { StoredEvent } from './stored-event.ts';

export interface FollowOptions {
  readonly queue: LiveQueue;
  /** The sequence of the last event the reader has. */
  readonly position: () => Promise<number>;
  readonly bounds: () => Promise<{ readonly first: number; readonly last: number }>;
  /** The next events after `position`, in order. `isFull` if there may be more. */
  readonly readPage: (
    position: number,
  ) => Promise<{ readonly events: readonly StoredEvent[]; readonly isFull: boolean }>;
  /**
   * Take live items one by one and at once, or all those of a turn of the event loop together: a model's answer often
   * comes in bursts of small deltas, which are joined while they wait.
   */
  readonly oneByOne: boolean;
}

/** Batches of items; a page of the store is a batch. No batch is empty. */
export async function* follow({
  queue,
  position: start,
  bounds,
  readPage,
  oneByOne,
}: FollowOptions): AsyncGenerator<readonly StreamItem[], undefined> {
  let position = await start();

  /** Without the events that were already read from the store. */
  function takeLive(): readonly LiveItem[] {
    const items: LiveItem[] = [];
    for (let item = queue.take(); item !== undefined; item = queue.take()) {
      if (item.kind === 'event') {
        if (item.event.sequence <= position) continue;
        position = item.event.sequence;
      }
      items.push(item);
      if (oneByOne) break;
    }
    return items;
  }

  while (!queue.ended) {
    if (!queue.behind) {
      const items = takeLive();
      if (items.length > 0) yield items;
      else {
        await queue.wait();
        if (!oneByOne) await endOfTurn();
      }
      continue;
    }

    // Events are queued from here on, so events after the page below come live.
    queue.follow();
    const { first, last } = await bounds();
    if (position + 1 < first) {
      position = first - 1;
      yield [{ kind: 'gap', firstSequence: first }];
    } else if (position > last) {
      // The sequence is from another log. Waiting until this log reaches it would lose all events before.
      position = last;
      yield [{ kind: 'gap', firstSequence: last + 1 }];
    }
    if (queue.ended) return undefined;
    const { events: page, isFull } = await readPage(position);
    const items: StreamItem[] = [];
    for (const event of page) {
      for (let delta = queue.takeDeltaBefore(event.sequence); delta; ) {
        items.push(delta);
        delta = queue.takeDeltaBefore(event.sequence);
      }
      position = event.sequence;
      items.push({ kind: 'event', event });
    }
    if (items.length > 0 && !queue.ended) yield items;
    if (isFull) queue.fallBehind();
    // The page had all events up to `last`, so the next read starts there.
    else position = Math.max(position, last);
  }
  return undefined;
}

let turn: Promise<void> | undefined;

/** One promise for all readers. */
function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}
