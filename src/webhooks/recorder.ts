// Writes the results of attempts to the store, together in one commit for each turn of the event loop. A result is kept
// until the disk takes it: a full disk must not cost duplicates.

import type { DeliveryChange, DeliveryRow } from '../store/delivery-store.ts';
import type { Store, Write } from '../store/store.ts';
import type { Lane } from './lane.ts';
import { putState } from './webhook-writes.ts';

export interface RecorderOptions {
  readonly store: Pick<Store, 'write'>;
  /** Called after the result is committed. */
  readonly onRecorded: (lane: Lane, delivery: DeliveryRow, change: DeliveryChange) => void;
  /** Must not throw. */
  readonly onError: (error: unknown) => void;
}

export interface Recorder {
  /** `isStateChanged`: the webhook's saved state has changed and is written too. Never throws. */
  record(lane: Lane, delivery: DeliveryRow, change: DeliveryChange, isStateChanged: boolean): void;
  /** Writes the saved state of a webhook without a result. */
  saveState(lane: Lane): void;
  /** Results that are not committed yet. */
  unrecorded(): number;
  /**
   * Resolves when the commits under way have ended, and what was committed is known here: the store shows a result a
   * moment earlier.
   */
  committed(): Promise<void>;
  /** Writes the remaining results. A write that the store refuses now is not tried again. */
  close(): Promise<void>;
}

interface Result {
  readonly lane: Lane;
  readonly delivery: DeliveryRow;
  readonly change: DeliveryChange;
  readonly isStateChanged: boolean;
  /** It keeps the slot of an ordered webhook until it is committed, even if the webhook becomes unordered meanwhile. */
  readonly keepsSlot: boolean;
}

/** How long a result may wait to share the commit of others. */
const recordWithinMs = 10;
const retryAfterMs = 1000;

export function createRecorder({ store, onRecorded, onError }: RecorderOptions): Recorder {
  let results: Result[] = [];
  const writing = new Set<Promise<void>>();
  let unrecorded = 0;
  let isClosing = false;
  /** The last one; they end in their order. */
  let commit: Promise<unknown> = Promise.resolve();

  function track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => writing.delete(tracked));
    writing.add(tracked);
  }

  function flush(): void {
    if (results.length === 0) return;
    const batch = results;
    results = [];
    track(write(batch));
  }

  async function write(all: readonly Result[]): Promise<void> {
    let batch = all;
    // Only an ordered webhook waits for its record, so others may share a later commit. A saved state may not: it would
    // overwrite a newer one.
    let maxDelayMs = batch.some(({ keepsSlot, isStateChanged }) => keepsSlot || isStateChanged)
      ? 0
      : recordWithinMs;
    for (;;) {
      // An earlier owner records nothing any more: the new owner sends these deliveries again.
      batch = batch.filter(({ lane }) => !lane.isRetired);
      const changedLanes = new Set(batch.filter((result) => result.isStateChanged).map(({ lane }) => lane));
      const writes = batch.map(({ change }): Write => ({ kind: 'changeDelivery', change }));
      try {
        if (batch.length > 0) {
          commit = store.write([...writes, ...[...changedLanes].map(putState)], { maxDelayMs });
          await commit;
        }
        break;
      } catch (error) {
        onError(error);
        if (isClosing) return;
        maxDelayMs = 0;
        await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
      }
    }
    unrecorded -= all.length;
    for (const result of batch) recorded(result);
  }

  function recorded({ lane, delivery, change, keepsSlot }: Result): void {
    try {
      lane.recorded(delivery.id, change.nextAttemptAt, keepsSlot);
    } catch (error) {
      // The other results of the batch must still be recorded.
      onError(error);
    }
    onRecorded(lane, delivery, change);
  }

  return {
    record(lane, delivery, change, isStateChanged) {
      unrecorded++;
      if (results.length === 0) setImmediate(flush);
      results.push({ lane, delivery, change, isStateChanged, keepsSlot: lane.recording() });
    },
    saveState(lane) {
      if (!lane.isRetired) track(store.write([putState(lane)]).then(() => undefined, onError));
    },
    unrecorded: () => unrecorded,
    committed: () =>
      commit.then(
        () => undefined,
        () => undefined,
      ),
    async close() {
      isClosing = true;
      flush();
      await Promise.all(writing);
    },
  };
}
