// The live end of a log that several nodes append to. Live readers get all events in the order of the sequence: an own
// commit at once if it is next in order, otherwise after the events of other nodes before it, which are read from the
// store. The outbox needs no reading: it is told which events of other nodes come before each own one.

import { callHost } from '../base/call-host.ts';
import type { NewDeliveries } from '../store/delivery-store.ts';
import { maxPageText } from '../store/page-weight.ts';
import type { EventRow, Store, StoreFeed } from '../store/store.ts';
import type { Outbox } from './event-log.ts';
import { type StoredEvent, toStoredEvent } from './stored-event.ts';

export interface SharedTailOptions {
  readonly store: Pick<Store, 'readEvents'>;
  readonly feed: StoreFeed;
  readonly outbox: () => Outbox | undefined;
  readonly hasReaders: () => boolean;
  /** Pass an event to live readers. Called in the order of the sequence. */
  readonly passOn: (row: EventRow, event: StoredEvent) => void;
  /** The tail has moved to this sequence. */
  readonly onMoved: (tail: number) => void;
}

export interface SharedTail {
  /** The last event that live readers got. */
  readonly tail: number;
  /** The end of the log at the start. Call it once, before `committed`. */
  start(last: number): void;
  /** This node has committed an event. Called in the order of the sequence. */
  committed(row: EventRow, event: StoredEvent, planned: NewDeliveries | undefined): void;
  close(): void;
}

interface OwnEvent {
  readonly row: EventRow;
  readonly event: StoredEvent;
}

const pageSize = 200;
const retryAfterMs = 250;

export function createSharedTail({
  store,
  feed,
  outbox,
  hasReaders,
  passOn,
  onMoved,
}: SharedTailOptions): SharedTail {
  /** Undefined before the start. */
  let tail: number | undefined;
  /** The last event that the outbox knows. */
  let announced = 0;
  /** The last event that is known to be committed. */
  let known = 0;
  /** Own events that wait for earlier ones of other nodes. */
  const held = new Map<number, OwnEvent>();
  let isReading = false;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  const stopFeed = feed.onAppended((last) => {
    known = Math.max(known, last);
    if (tail === undefined || closed) return;
    announce(last);
    advance();
  });

  /** Tell the outbox about the events of other nodes up to `last`. */
  function announce(last: number): void {
    if (last <= announced) return;
    const after = announced;
    announced = last;
    callHost(() => outbox()?.foreign?.({ after, upTo: last }));
  }

  function moveTo(sequence: number): void {
    tail = sequence;
    onMoved(sequence);
  }

  /** Pass on everything up to `known`, or read the missing events. */
  function advance(): void {
    if (isReading || closed || tail === undefined || tail >= known) return;
    if (hasReaders()) {
      isReading = true;
      void read();
    } else {
      held.clear();
      moveTo(known);
    }
  }

  async function read(): Promise<void> {
    try {
      while (!closed && tail !== undefined && tail < known && hasReaders()) {
        const rows = await store.readEvents({ after: tail, limit: pageSize, maxText: maxPageText });
        if (closed) return;
        for (const row of rows) passOnRead(row);
        // The missing ones were pruned in between.
        if (rows.length === 0) skipPruned();
      }
      isReading = false;
      advance();
    } catch {
      // The store reports its trouble itself. The events stay where they are.
      if (!closed) retry = setTimeout(again, retryAfterMs);
    }
  }

  function again(): void {
    isReading = false;
    advance();
  }

  function passOnRead(row: EventRow): void {
    const own = held.get(row.sequence);
    held.delete(row.sequence);
    // An own commit may have come in order while the page was read.
    if (tail === undefined || row.sequence <= tail) return;
    passOn(own?.row ?? row, own?.event ?? toStoredEvent(row));
    moveTo(row.sequence);
  }

  function skipPruned(): void {
    for (const { row } of [...held.values()]) passOnRead(row);
    if (tail !== undefined && tail < known) moveTo(known);
  }

  return {
    get tail() {
      return tail ?? 0;
    },
    start(last) {
      announced = last;
      known = Math.max(known, last);
      moveTo(last);
      announce(known);
      advance();
    },
    committed(row, event, planned) {
      const { sequence } = row;
      known = Math.max(known, sequence);
      announce(sequence - 1);
      if (announced === sequence - 1) {
        announced = sequence;
        if (planned !== undefined) callHost(() => outbox()?.committed(row, planned));
      }
      if (tail === undefined || sequence <= tail) return;
      if (sequence === tail + 1) {
        passOn(row, event);
        moveTo(sequence);
      } else {
        held.set(sequence, { row, event });
        advance();
      }
    },
    close() {
      closed = true;
      stopFeed();
      clearTimeout(retry);
      held.clear();
    },
  };
}
