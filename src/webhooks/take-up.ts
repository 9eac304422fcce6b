// Restores the deliveries that an earlier process left pending. Those of webhooks that no longer exist are cancelled;
// if webhooks.json could not be read they wait, since their webhooks may come back.

import type { DeliveryPlace } from '../store/delivery-store.ts';
import type { Enablement } from './enablement.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import type { Removal } from './removal.ts';
import { longestWaitMs } from './retry-policy.ts';
import type { WebhookRegistry } from './webhook-entries.ts';

export interface TakeUp {
  /**
   * `last`: the last event of the log before this process receives events. Resolves when waiting deliveries are known;
   * the others are taken up in the background, while the first are sent.
   */
  start(last: number): Promise<void>;
  /** Gives a webhook that came back the deliveries that waited for it. */
  takeReturned(lane: Lane): void;
}

export interface TakeUpOptions {
  readonly context: EngineContext;
  readonly registry: Pick<WebhookRegistry, 'isComplete'>;
  readonly removal: Pick<Removal, 'cancelPending' | 'removeIfDone'>;
  readonly deliverMissed: Enablement['deliverMissed'];
  readonly wake: (lane: Lane) => void;
}

/** Pending deliveries of a webhook that may come back. */
interface LeftBehind {
  /** All of them, waiting ones included. */
  readonly count: number;
  readonly nextAttemptAt: number | undefined;
  /** Of the fresh ones. */
  readonly sequences: readonly number[];
}

const stepSize = 500;
/** The delay of a retry whose time was set by a clock that was ahead. */
const oldClockWaitMs = 60_000;
/** Read from an index alone, which takes a few milliseconds. */
const placesAtOnce = 5000;

export function createTakeUp({
  context: { store, clock, lanes, turns, signal, warn, inBackground, untilDone },
  registry,
  removal,
  deliverMissed,
  wake,
}: TakeUpOptions): TakeUp {
  const leftBehind = new Map<string, LeftBehind>();

  function leave(webhookId: string, { count, nextAttemptAt, sequences }: LeftBehind): void {
    const before = leftBehind.get(webhookId);
    leftBehind.set(webhookId, {
      count: (before?.count ?? 0) + count,
      nextAttemptAt: before?.nextAttemptAt ?? nextAttemptAt,
      sequences: [...(before?.sequences ?? []), ...sequences],
    });
  }

  async function takeUpWaiting(): Promise<void> {
    // Due times beyond any that could have been given were set by a clock that was ahead.
    const now = clock.now();
    while ((await store.pullWaiting(now + longestWaitMs, now + oldClockWaitMs, stepSize)) === stepSize);
    for (const { webhookId, count, nextAttemptAt } of await store.waitingCounts()) {
      const lane = lanes.get(webhookId);
      if (lane !== undefined) lane.queue.foundWaiting(count, nextAttemptAt);
      else if (registry.isComplete) inBackground(removal.cancelPending(webhookId, []));
      else leave(webhookId, { count, nextAttemptAt, sequences: [] });
    }
  }

  /** Works in steps, so that other work gets its turn; a million deliveries take a second. */
  async function takeUpFresh(last: number): Promise<void> {
    let after: DeliveryPlace | undefined;
    for (;;) {
      const places = await untilDone(() => store.freshPlaces(after, placesAtOnce));
      const orphans = new Map<string, number[]>();
      const touched = new Set<Lane>();
      for (const { webhookId, sequence } of places) {
        // Deliveries of later events are known from their commit.
        if (sequence > last) continue;
        const lane = lanes.get(webhookId);
        if (lane === undefined) {
          const sequences = orphans.get(webhookId);
          if (sequences === undefined) orphans.set(webhookId, [sequence]);
          else sequences.push(sequence);
        } else {
          lane.queue.addedToStore(sequence);
          touched.add(lane);
        }
      }
      for (const [webhookId, sequences] of orphans) await takeUpOrphans(webhookId, sequences);
      for (const lane of touched) wake(lane);
      after = places.at(-1);
      if (places.length < placesAtOnce || (after?.sequence ?? 0) > last || signal.aborted) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function takeUpOrphans(webhookId: string, sequences: readonly number[]): Promise<void> {
    if (!registry.isComplete) {
      leave(webhookId, { count: sequences.length, nextAttemptAt: undefined, sequences });
      return;
    }
    try {
      await removal.cancelPending(webhookId, sequences);
    } catch (error) {
      warn(`the deliveries of webhook ${webhookId}, which was removed, could not be cancelled`, error);
    }
  }

  /** Everything pending is known. */
  function finish(): void {
    for (const lane of lanes.values()) {
      lane.queue.sort();
      // A crash came after the webhook was enabled and before its missed events were queued.
      if (lane.isEnabled && lane.state.missedAfter !== null)
        inBackground(turns.take(lane.id, () => deliverMissed(lane)));
      removal.removeIfDone(lane);
    }
  }

  return {
    async start(last) {
      await takeUpWaiting();
      // All deliveries of an ordered webhook must be known before the first is sent.
      const releases = [...lanes.values()].filter(({ config }) => config.ordered).map((lane) => lane.hold());
      inBackground(
        takeUpFresh(last)
          .then(finish)
          .finally(() => {
            for (const release of releases) release();
            for (const lane of lanes.values()) wake(lane);
          }),
      );
    },
    takeReturned(lane) {
      const left = leftBehind.get(lane.id);
      if (left === undefined) return;
      leftBehind.delete(lane.id);
      lane.queue.foundWaiting(left.count, left.nextAttemptAt);
      lane.queue.freshened(left.sequences);
    },
  };
}
