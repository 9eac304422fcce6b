// Collects the figures of the webhook engine: counters since its start, and current values.

import type { WebhookStats } from '../contract/webhook-stats.ts';
import type { DeliveryStore } from '../store/delivery-store.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import type { DeliveryFigures } from './delivery-figures.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Lane } from './lane.ts';

export interface StatsSources {
  readonly store: Pick<DeliveryStore, 'oldestFresh' | 'waitingCounts'>;
  readonly clock: DeliveryClock;
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly figures: DeliveryFigures;
  readonly dispatcher: Pick<Dispatcher, 'inFlight'>;
  /** If other nodes share the store. */
  readonly nodes?: StatsNodes | undefined;
}

export interface StatsNodes {
  /** When the oldest pending delivery of this node's webhooks was created, in Unix ms. */
  oldestPending(): Promise<number | undefined>;
  /** Counts the history, which other nodes change, too. */
  recount(): Promise<void>;
}

export async function readStats({
  store,
  clock,
  lanes,
  figures,
  dispatcher,
  nodes,
}: StatsSources): Promise<WebhookStats> {
  let pending = 0;
  let refused = 0;
  for (const { queue, refusal } of lanes.values()) {
    pending += queue.pending;
    if (refusal !== undefined) refused++;
  }
  await nodes?.recount();
  const oldest = pending === 0 ? undefined : await (nodes?.oldestPending() ?? oldestPending(store));
  const now = clock.now();
  return {
    ...figures.counters(),
    inFlight: dispatcher.inFlight(),
    pending,
    oldestPendingAgeMs: oldest === undefined ? 0 : Math.max(now - oldest, 0),
    failedInHistory: figures.failedInHistory,
    refused,
    latency: figures.latency(),
  };
}

/** When the oldest pending delivery was created, in Unix ms. */
async function oldestPending(store: StatsSources['store']): Promise<number | undefined> {
  const fresh = await store.oldestFresh();
  const waiting = (await store.waitingCounts()).map(({ oldestCreatedAt }) => oldestCreatedAt);
  const times = fresh === undefined ? waiting : [fresh, ...waiting];
  return times.length === 0 ? undefined : Math.min(...times);
}
