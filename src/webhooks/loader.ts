// Loads the next deliveries of a webhook from the store: waiting ones that are due, then fresh ones. One webhook at a
// time, so that a hundred that run empty together do not delay everything else.

import type { DeliveryStore } from '../store/delivery-store.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import { readAhead } from './delivery-queue.ts';
import type { Lane } from './lane.ts';

export interface LoaderOptions {
  readonly store: Pick<DeliveryStore, 'freshDeliveries' | 'waitingDeliveries' | 'nextWaiting'>;
  readonly clock: DeliveryClock;
  /** Limit of deliveries of a lane in memory. */
  readonly capacity: () => number;
  /** Called when the lane has been loaded. Must not throw. */
  readonly onLoaded: (lane: Lane) => void;
  /** Must not throw. */
  readonly onError: (error: unknown) => void;
}

export interface Loader {
  /** Call it only while the lane is not loading. */
  load(lane: Lane): void;
  close(): void;
}

const retryAfterMs = 1000;
/** Number of waiting deliveries that are searched for one to probe with. */
const probeCandidates = 100;
/** A delivery tried more often than this is not sent early as a probe: its history would grow without end. */
const maxTriesEarly = 60;

export function createLoader({ store, clock, capacity, onLoaded, onError }: LoaderOptions): Loader {
  const lanes: Lane[] = [];
  let isClosed = false;

  function loadNext(): void {
    const lane = lanes[0];
    if (lane === undefined || isClosed) return;
    loadLane(lane)
      .catch(onError)
      .finally(() => {
        lanes.shift();
        if (lanes.length > 0) setImmediate(loadNext);
      });
  }

  async function loadLane(lane: Lane): Promise<void> {
    const { queue } = lane;
    const room = Math.ceil(readAhead(capacity()) / 2);
    let sequences: readonly number[] = [];
    try {
      const now = clock.now();
      const isProbing = lane.needsProbe(now);
      if (queue.nextWaitingAt !== undefined && queue.nextWaitingAt <= now) {
        const limit = queue.knownCount + room;
        const due = await store.waitingDeliveries(lane.id, now, limit);
        queue.loadedWaiting(due);
        queue.setNextWaiting(due.length === limit ? now : await store.nextWaiting(lane.id, now));
      }
      if (queue.freshCount > 0 && (queue.readyCount <= room || isProbing)) {
        sequences = queue.takeFresh(Math.max(2 * room - queue.readyCount, 1));
        queue.loadedFresh(await store.freshDeliveries(lane.id, sequences));
      }
      if (isProbing && queue.freshCount === 0 && lane.needsProbe(now)) await loadProbe(lane);
    } catch (error) {
      queue.returnedFresh(sequences);
      onError(error);
      // The store cannot be read now; it would fail for the other webhooks too.
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs).unref());
    }
    queue.loadingEnded();
    onLoaded(lane);
  }

  /**
   * Loads a waiting delivery that is not due, to probe with: one that the receiver never answered, else one that it
   * answered with an error. One that it refused is not used.
   */
  async function loadProbe({ id: webhookId, config, queue }: Lane): Promise<void> {
    const waiting = await store.waitingDeliveries(webhookId, Number.MAX_SAFE_INTEGER, probeCandidates);
    const fit = waiting.filter(
      ({ id, answered, tries }) => !queue.knows(id) && answered !== 'refused' && tries < maxTriesEarly,
    );
    if (config.ordered) {
      // Only the first in order may be sent, and it is not known which of the waiting ones is the first.
      queue.loadedProbe(waiting.length === 1 ? fit[0] : undefined);
      return;
    }
    const untouched = fit.find(({ answered }) => answered === 'nothing');
    queue.loadedProbe(untouched ?? (queue.hasFailed ? undefined : fit[0]));
  }

  return {
    load(lane) {
      lane.queue.loadingStarted();
      lanes.push(lane);
      if (lanes.length === 1) setImmediate(loadNext);
    },
    close() {
      isClosed = true;
    },
  };
}
