// Puts deltas in their place between the events of a log that several nodes append to. A delta names the last event
// before it. It waits until readers have that event, and is dropped if they already have a later event of its run: that
// event has the whole text.

import type { Delta } from '../contract/event.ts';
import type { EventRow } from '../store/store.ts';

export interface DeltaPlaces {
  /** Pass a delta on as soon as readers have the event `after`. */
  place(delta: Delta, after: number): void;
  /** Readers got this event. */
  passedOn(row: EventRow): void;
  /** Readers have all events up to here. */
  movedTo(tail: number): void;
  /** No reader of deltas is left. */
  clear(): void;
}

interface Waiting {
  readonly delta: Delta;
  readonly after: number;
}

/** More are dropped, the oldest first. */
const maxWaiting = 256;
const maxRuns = 1000;

export function createDeltaPlaces(passOn: (delta: Delta) => void): DeltaPlaces {
  let tail = 0;
  let waiting: Waiting[] = [];
  /** The last event of each run that readers got, the least recent first. */
  const lastOfRun = new Map<string, number>();

  function pass({ delta, after }: Waiting): void {
    if (delta.runId !== undefined && (lastOfRun.get(delta.runId) ?? 0) > after) return;
    passOn(delta);
  }

  return {
    place(delta, after) {
      if (after <= tail) pass({ delta, after });
      else {
        waiting.push({ delta, after });
        if (waiting.length > maxWaiting) waiting.shift();
      }
    },
    passedOn({ runId, sequence }) {
      // Those that come right before this event.
      this.movedTo(sequence - 1);
      if (runId === null) return;
      lastOfRun.delete(runId);
      lastOfRun.set(runId, sequence);
      if (lastOfRun.size > maxRuns) {
        const [oldest] = lastOfRun.keys();
        if (oldest !== undefined) lastOfRun.delete(oldest);
      }
    },
    movedTo(sequence) {
      tail = sequence;
      if (waiting.length === 0) return;
      const ready = waiting.filter(({ after }) => after <= tail);
      if (ready.length === 0) return;
      waiting = waiting.filter(({ after }) => after > tail);
      for (const one of ready) pass(one);
    },
    clear() {
      waiting = [];
      lastOfRun.clear();
    },
  };
}
