// Prunes the history by age and number once an hour, and gives up deliveries that have waited too long for a webhook
// that cannot receive them. It works in small steps, so that it delays nothing else.

import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Store } from '../store/store.ts';
import { changeToExpired } from './delivery-change.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import type { Lane } from './lane.ts';

export interface HousekeepingOptions {
  readonly store: Store;
  readonly clock: DeliveryClock;
  readonly lanes: ReadonlyMap<string, Lane>;
  /** The number of ended deliveries in the history. */
  readonly ended: () => number;
  /** Limit of that number. */
  readonly keep: number;
  readonly onPruned: (count: number) => void;
  readonly onExpired: (lane: Lane, count: number) => void;
  readonly wake: (lane: Lane) => void;
  readonly onError: (error: unknown) => void;
  /** If other nodes share the history: whether this node prunes it now. It knows `ended` then. @default it always does */
  readonly mayPrune?: (() => Promise<boolean>) | undefined;
}

export interface Housekeeping {
  /** A delivery has ended: prune soon if the history is too long. */
  nudge(): void;
  stop(): void;
}

const keepMs = 30 * 24 * 60 * 60 * 1000;
const intervalMs = 60 * 60 * 1000;
/** With other nodes, no node knows how many deliveries have ended until it counts them. */
const sharedIntervalMs = 60 * 1000;
const firstAfterMs = 1000;
/** Few enough that a step takes less than a millisecond. */
const stepSize = 100;
/** Pause between steps. */
const pauseMs = 20;

export function startHousekeeping(options: HousekeepingOptions): Housekeeping {
  const { store, clock, lanes, ended, keep, onPruned, onExpired, wake, onError, mayPrune } = options;
  let isStopped = false;
  let isPruning = false;
  let pause: NodeJS.Timeout | undefined;

  async function prune(): Promise<void> {
    if (isPruning) return;
    isPruning = true;
    try {
      if (mayPrune !== undefined && !(await mayPrune())) return;
      while (!isStopped) {
        const excess = Math.max(ended() - keep, 0);
        const count = await store.pruneDeliveries({
          before: clock.patient() - keepMs,
          excess,
          max: stepSize,
        });
        onPruned(count);
        if (count < stepSize) return;
        // If the history is far too long, pruning with full pauses would be slower than deliveries end.
        await sleep(excess > keep / 2 ? 1 : pauseMs);
      }
    } finally {
      isPruning = false;
    }
  }

  async function expire(): Promise<void> {
    for (const lane of lanes.values()) {
      if (isStopped) return;
      // If the webhook can receive, the dispatcher gives each delivery its last try.
      if (lane.queue.pending === 0 || lane.slotsAt(clock.now()) > 0) continue;
      try {
        while (!isStopped && (await expireStep(lane)) > 0) await sleep(1);
      } catch (error) {
        // The other webhooks must not wait for this one.
        onError(error);
      }
    }
  }

  async function expireStep(lane: Lane): Promise<number> {
    const patient = clock.patient();
    // The webhook may become able to receive meanwhile: later deliveries must not be sent before the taken ones.
    const release = lane.hold();
    lane.queue.unload();
    const sequences = lane.queue.takeFresh(stepSize);
    let left: readonly number[] = sequences;
    let old: readonly DeliveryRow[];
    // Results of requests that are still under way may be committed meanwhile.
    const read = lane.queue.startRead();
    try {
      const rows = [
        ...(await store.freshDeliveries(lane.id, sequences)),
        ...(await store.waitingDeliveries(lane.id, Number.MAX_SAFE_INTEGER, stepSize)),
      ];
      old = rows.filter(
        ({ id, expiresAt }) => expiresAt <= patient && !lane.queue.knows(id) && !read.hasLeft(id),
      );
      if (old.length > 0)
        await store.write(
          old.map((row) => ({ kind: 'changeDelivery', change: changeToExpired(row, clock.now()) })),
        );
      const gone = new Set(old.map(({ sequence }) => sequence));
      left = sequences.filter((sequence) => !gone.has(sequence));
    } finally {
      read.end();
      // Even if the store failed, the taken sequences return to the front of the queue.
      lane.queue.returnedFresh(left);
      release();
      wake(lane);
    }
    if (old.length === 0) return 0;
    onExpired(lane, old.length);
    return old.length;
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      pause = setTimeout(resolve, ms);
      pause.unref();
    });
  }

  function round(): void {
    expire().catch(onError);
    prune().catch(onError);
  }

  const first = setTimeout(round, firstAfterMs);
  const timer = setInterval(round, intervalMs);
  const pruning =
    mayPrune === undefined
      ? undefined
      : setInterval(() => void prune().catch(onError), sharedIntervalMs).unref();
  first.unref();
  timer.unref();
  return {
    nudge() {
      if (mayPrune === undefined && !isPruning && !isStopped && ended() > keep + 5 * stepSize)
        prune().catch(onError);
    },
    stop() {
      isStopped = true;
      clearTimeout(first);
      clearInterval(timer);
      clearInterval(pruning);
      clearTimeout(pause);
    },
  };
}
