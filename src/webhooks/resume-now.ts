// Resumes webhooks: everything that waits for a retry is sent now, because a user says that the receiver works again.
// If the breaker is open, the first request is a probe, and a success closes it.

import type { DeliveryRow, DeliveryStore } from '../store/delivery-store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import type { SavedState } from './saved-state.ts';
import { readyToProbe } from './webhook-health.ts';
import { putState } from './webhook-writes.ts';

export interface Resuming {
  /** `state`: the webhook's state from now on. @default a probe is due now, and no pause */
  resume(lane: Lane, state?: SavedState): Promise<void>;
  /** Sends one delivery now; in an ordered webhook, those before it are sent first. */
  sendNow(lane: Lane, row: DeliveryRow): Promise<void>;
}

const stepSize = 500;

export function createResuming(
  { store, clock }: Pick<EngineContext, 'store' | 'clock'>,
  dispatcher: Pick<Dispatcher, 'wake' | 'sendNow'>,
): Resuming {
  async function resume(lane: Lane, state = readyToProbe(lane.state, clock.now())): Promise<void> {
    // The first in order must be known before any is sent.
    const release = lane.hold();
    try {
      lane.reached();
      if (state !== lane.state) {
        lane.setState(state);
        await store.write([putState(lane)]);
      }
      await freshenAll(store, lane);
    } finally {
      release();
      dispatcher.wake(lane);
    }
  }

  return {
    resume,
    async sendNow(lane, row) {
      if (lane.config.ordered) await resume(lane);
      else if (row.status === 'pending') dispatcher.sendNow(lane, row);
    },
  };
}

/** Makes every waiting delivery of a webhook fresh: it need not wait for its retry any longer. */
export async function freshenAll(store: Pick<DeliveryStore, 'freshenWaiting'>, lane: Lane): Promise<void> {
  for (let isLast = false; !isLast; ) {
    const read = lane.queue.startRead();
    try {
      const sequences = await store.freshenWaiting(lane.id, stepSize);
      lane.queue.freshened(sequences);
      isLast = sequences.length < stepSize;
      if (isLast) lane.queue.setNextWaiting(undefined, read);
    } finally {
      read.end();
    }
  }
}
