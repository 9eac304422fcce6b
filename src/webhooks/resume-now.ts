// Someone says that a receiver works again: what waits for it need not wait any longer. The first request is a probe if its breaker is open; a
// success closes it.

import type { Store } from '../store/store.ts';
import type { Lane } from './lane.ts';
import type { SavedState } from './saved-state.ts';

const stepSize = 500;

export interface ResumeOptions {
  readonly store: Pick<Store, 'freshenWaiting'>;
  readonly lane: Lane;
  /** The lane's memory from here on. */
  readonly state: SavedState;
  readonly keep: () => Promise<unknown>;
  readonly wake: () => void;
}

export async function resumeNow({ store, lane, state, keep, wake }: ResumeOptions): Promise<void> {
  // The first in order must be known before any is sent.
  const release = lane.hold();
  try {
    lane.reached();
    if (state !== lane.state) {
      lane.setState(state);
      await keep();
    }
    for (;;) {
      const sequences = await store.freshenWaiting(lane.id, stepSize);
      lane.queue.freshened(sequences);
      if (sequences.length < stepSize) break;
    }
    lane.queue.setNextWaiting(undefined);
  } finally {
    release();
    wake();
  }
}
