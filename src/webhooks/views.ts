// Shows webhooks and deliveries with their current state in the engine.

import type { Delivery } from '../contract/delivery.ts';
import type { Webhook } from '../contract/webhook.ts';
import type { DeliveryWithAttempts } from '../store/delivery-store.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import { countMissed } from './missed-events.ts';
import { type ShownTimes, viewDelivery, viewWebhook } from './webhook-view.ts';

export interface Views {
  times(): ShownTimes;
  webhook(lane: Lane): Promise<Webhook>;
  /** Every webhook, by id. */
  webhooks(): Promise<readonly Webhook[]>;
  delivery(row: DeliveryWithAttempts): Delivery;
}

export function createViews({
  store,
  clock,
  lanes,
  ownTypes,
  nodes,
}: Pick<EngineContext, 'store' | 'clock' | 'lanes' | 'ownTypes' | 'nodes'>): Views {
  function times(): ShownTimes {
    return { now: clock.now(), wall: clock.wall() };
  }

  async function missedBy({ id, isEnabled, state, config }: Lane): Promise<number> {
    if (isEnabled || state.missedAfter === null) return 0;
    return countMissed(store, {
      webhookId: id,
      after: state.missedAfter,
      events: config.events,
      ownTypes,
    });
  }

  async function webhook(lane: Lane): Promise<Webhook> {
    const missed = await missedBy(lane);
    return viewWebhook(lane, times(), { missed, hasFile: nodes === undefined });
  }

  return {
    times,
    webhook,
    webhooks: () =>
      Promise.all([...lanes.values()].sort((left, right) => (left.id < right.id ? -1 : 1)).map(webhook)),
    delivery: (row) => viewDelivery(row, lanes.get(row.webhookId), times()),
  };
}
