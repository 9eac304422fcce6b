// Shows webhooks that other nodes own: as their owner sees them or, if it does not answer in time, with the state that it
// has saved.

import type { Webhook } from '../../contract/webhook.ts';
import type { SharedWebhookStore } from '../../store/shared-webhook-store.ts';
import { createEarlierStates } from '../earlier-states.ts';
import type { EngineContext } from '../engine-context.ts';
import { Lane } from '../lane.ts';
import type { Views } from '../views.ts';

export interface SharedViews {
  webhook(lane: Lane): Promise<Webhook>;
  webhooks(): Promise<readonly Webhook[]>;
  /** The webhooks that this node owns, for the others. */
  ownWebhooks(): Promise<readonly Webhook[]>;
}

export interface SharedViewsOptions {
  readonly context: EngineContext;
  readonly shared: SharedWebhookStore;
  readonly views: Pick<Views, 'webhook'>;
  /** @throws if the owner does not answer in time */
  readonly askOwner: (webhookId: string) => Promise<Webhook>;
  /** What the other nodes' `ownWebhooks` return. */
  readonly askOwners: () => Promise<readonly (readonly Webhook[])[]>;
}

/** Fresh deliveries that are counted for a webhook without its owner. */
const maxCounted = 1000;

export function createSharedViews({
  context: { lanes, clock, warn },
  shared,
  views,
  askOwner,
  askOwners,
}: SharedViewsOptions): SharedViews {
  const byId = (left: { readonly id: string }, right: { readonly id: string }): number =>
    left.id < right.id ? -1 : 1;

  async function saved(some: readonly Lane[]): Promise<readonly Webhook[]> {
    if (some.length === 0) return [];
    const ids = some.map(({ id }) => id);
    const range = { after: 0, upTo: Number.MAX_SAFE_INTEGER, limit: maxCounted };
    const [states, counts, places] = await Promise.all([
      shared.webhookStatesOf(ids),
      shared.waitingCountsOf(ids),
      shared.freshPlacesOf(ids, range),
    ]);
    const earlier = createEarlierStates(states, clock, warn);
    const copies = new Map(
      some.map(({ id, config, runId, refusal }) => [
        id,
        new Lane(config, earlier.of(id), { runId, refusal }),
      ]),
    );
    for (const { webhookId, count, nextAttemptAt } of counts)
      copies.get(webhookId)?.queue.foundWaiting(count, nextAttemptAt);
    for (const { webhookId, sequence } of places) copies.get(webhookId)?.queue.addedToStore(sequence);
    return Promise.all([...copies.values()].map((copy) => views.webhook(copy)));
  }

  return {
    async webhook(lane) {
      if (!lane.isShadow) return views.webhook(lane);
      try {
        return await askOwner(lane.id);
      } catch {
        const [webhook] = await saved([lane]);
        return webhook ?? views.webhook(lane);
      }
    },
    async webhooks() {
      const own = [...lanes.values()].filter(({ isShadow }) => !isShadow);
      const shadows = [...lanes.values()].filter(({ isShadow }) => isShadow);
      const told = new Map<string, Webhook>();
      if (shadows.length > 0)
        for (const webhooks of await askOwners())
          for (const webhook of webhooks) told.set(webhook.id, webhook);
      const untold = shadows.filter(({ id }) => !told.has(id));
      const [shown, kept] = await Promise.all([Promise.all(own.map(views.webhook)), saved(untold)]);
      const ofOthers = shadows.flatMap(({ id }) => told.get(id) ?? []);
      return [...shown, ...ofOthers, ...kept].sort(byId);
    },
    ownWebhooks: () =>
      Promise.all([...lanes.values()].filter(({ isShadow }) => !isShadow).map(views.webhook)),
  };
}
