// The live end of the log: how committed events and deltas reach live readers and the outbox. Here for a store with one
// node, where each commit is the next event: all is passed on at once. shared-live-end.ts is for several nodes.

import { callHost } from '../base/call-host.ts';
import type { Delta } from '../contract/event.ts';
import type { NewDeliveries } from '../store/delivery-store.ts';
import type { EventRow, Store } from '../store/store.ts';
import type { NewEvent, Outbox } from './event-log.ts';
import type { StoredEvent } from './stored-event.ts';

/** Chosen when the log is created, so that the way of an event has no branch for it. */
export interface LiveEnd {
  /** The last event that readers got; undefined until the end of the log is known. */
  readonly tail: () => number | undefined;
  /** The end of the log when it was created. */
  readonly started: () => Promise<number>;
  /** Called before events are appended. Undefined if there is nothing to do. */
  readonly beforeAppend: ((events: readonly NewEvent[]) => Promise<void>) | undefined;
  /** An event was committed. Called in the order of the sequence. */
  readonly committed: (row: EventRow, event: StoredEvent, planned: NewDeliveries | undefined) => void;
  readonly publish: (delta: Delta) => void;
  /** Someone here reads the deltas of this run or session. Returns a function that stops it. */
  readonly listen: (interest: { readonly sessionId?: string; readonly runId?: string }) => () => void;
  readonly close: () => void;
}

/** Live readers and the outbox of the log. */
export interface LiveReaders {
  readonly count: () => number;
  readonly outbox: () => Outbox | undefined;
  readonly passOn: (row: EventRow, event: StoredEvent) => void;
  readonly passOnDelta: (delta: Delta) => void;
}

const stopNothing = (): void => undefined;

export function createLiveEnd(store: Pick<Store, 'eventBounds'>, readers: LiveReaders): LiveEnd {
  const { outbox, passOn, passOnDelta } = readers;
  // From the store at first, then from commits.
  let tail: number | undefined;
  const started = store.eventBounds().then(({ last }) => {
    tail = Math.max(tail ?? 0, last);
    return last;
  });
  // Callers that await it get the error.
  started.catch(() => undefined);

  return {
    tail: () => tail,
    started: () => started,
    beforeAppend: undefined,
    committed(row, event, planned) {
      tail = row.sequence;
      passOn(row, event);
      if (planned !== undefined) callHost(() => outbox()?.committed(row, planned));
    },
    publish: passOnDelta,
    listen: () => stopNothing,
    close: stopNothing,
  };
}
