// The parts of the engine that only a store with several nodes needs, put together.

import type { Webhook } from '../../contract/webhook.ts';
import type { Ownership } from '../../store/ownership.ts';
import type { SharedWebhookStore } from '../../store/shared-webhook-store.ts';
import type { DeliveryFigures } from '../delivery-figures.ts';
import type { Dispatcher } from '../dispatcher.ts';
import type { Enablement } from '../enablement.ts';
import type { ContextNodes, EngineContext } from '../engine-context.ts';
import type { EntriesInForce } from '../entries-in-force.ts';
import type { History } from '../history.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { OutboxNodes } from '../outbox.ts';
import type { PayloadCache } from '../payload-cache.ts';
import type { Removal, RemovalNodes } from '../removal.ts';
import type { Replays } from '../replays.ts';
import type { RunWebhooks } from '../run-webhooks.ts';
import type { StatsNodes } from '../stats.ts';
import type { TestDelivery } from '../test-delivery.ts';
import type { Views } from '../views.ts';
import { toFileEntry, type WebhookConfig } from '../webhook-config.ts';
import type { SharedWebhookRegistry } from '../webhook-entries.ts';
import { findLane } from '../webhook-errors.ts';
import { createArrivals } from './arrivals.ts';
import { createLaneKeeper } from './lane-keeper.ts';
import { createOwnerCalls } from './owner-calls.ts';
import { createShadows } from './shadows.ts';
import { createSharedOperations, type OwnOperations, type SharedOperations } from './shared-operations.ts';
import { createSharedViews, type SharedViews } from './shared-views.ts';

export { openSharedRegistry } from '../../registry/shared-registry.ts';

/** The parts of ownership that the engine uses. */
export type EngineOwnership = Pick<Ownership, 'shared' | 'node' | 'lanes' | 'claims' | 'commands'>;

export interface SharingOptions {
  readonly context: EngineContext;
  readonly ownership: EngineOwnership;
  readonly shared: SharedWebhookStore;
  readonly registry: SharedWebhookRegistry;
  readonly payloads: PayloadCache;
  /** Limit of deliveries of a lane in memory. */
  readonly capacity: () => number;
  readonly dispatcher: Pick<Dispatcher, 'wake' | 'abort'>;
  readonly lanesChanged: () => void;
  readonly apply: EntriesInForce['apply'];
  readonly removal: Pick<Removal, 'remove' | 'forget' | 'removeIfDone' | 'cancelPending'>;
  readonly enablement: Pick<Enablement, 'settleAtStart' | 'deliverMissed'>;
  readonly replays: Replays;
  readonly lifecycle: Lifecycle;
  readonly history: History;
  readonly testDelivery: TestDelivery;
  readonly runWebhooks: Pick<RunWebhooks, 'watch'>;
  readonly views: Pick<Views, 'webhook'>;
  readonly figures: Pick<DeliveryFigures, 'recounted'>;
}

export interface Sharing extends OutboxNodes, RemovalNodes, ContextNodes, StatsNodes {
  readonly operations: SharedOperations;
  readonly views: SharedViews;
  /** The registry has changed for these webhooks. */
  follow(webhookIds: readonly string[]): void;
  /** Whether this node prunes the history: one at a time does. */
  mayPrune(): Promise<boolean>;
  createForRun(config: WebhookConfig, runId: string): Promise<void>;
  /** Creates all lanes, and begins to own some of them. Called when the log calls the outbox. */
  start(): Promise<void>;
  /** Starts nothing for other nodes any more. */
  close(): void;
  /** Nothing is under way any more: lanes may go to other nodes. */
  closed(): void;
}

/** A webhook is shown without its owner after this time. */
const showWithinMs = 1000;
const refreshWithinMs = 1000;
/** A node that does not answer is declared dead within 12 s. */
const settleWithinMs = 15_000;
const cancelStep = 500;
/** Held until this node leaves. */
const pruneClaim = 'task:webhook-history';

export function createSharing(options: SharingOptions): Sharing {
  const { context, ownership, shared, registry, payloads, dispatcher, lanesChanged, removal } = options;
  const { store, lanes, turns, signal, warn, inBackground, untilDone } = context;
  const { lifecycle, history, replays, enablement, runWebhooks, testDelivery } = options;
  const closing = Promise.withResolvers<void>();

  const keeper = createLaneKeeper({
    context,
    shared,
    ownership: ownership.lanes,
    refresh: registry.refresh,
    entryOf: (id) => shadows.entryOf(id),
    closed: closing.promise,
    lanesChanged,
    wake: dispatcher.wake,
    abort: dispatcher.abort,
    replaysEnded: replays.ended,
    onTakenUp(lane, last) {
      if (lane.runId === undefined) enablement.settleAtStart(lane, last);
      else runWebhooks.watch(lane);
      // Its last owner ended after the webhook was enabled and before its missed events were queued.
      if (lane.isEnabled && lane.state.missedAfter !== null)
        inBackground(turns.take(lane.id, () => enablement.deliverMissed(lane)));
      removal.removeIfDone(lane);
    },
  });
  const shadows = createShadows({
    context,
    registry: () => registry,
    keeper,
    apply: options.apply,
    removal,
    lanesChanged,
  });
  const arrivals = createArrivals({
    store: shared,
    lanes,
    payloads,
    ownIds: keeper.ownIds,
    hasRoom: (lane) => lane.hasRoomForNew(options.capacity()),
    isTakingUp: keeper.isTakingUp,
    wake: dispatcher.wake,
    untilDone,
    onError: (error) => warn('deliveries of other nodes could not be read', error),
    signal,
  });

  // ---- the operations of an owner, for any node

  const own: OwnOperations = {
    view: (id) => options.views.webhook(findLane(lanes, id)),
    update: lifecycle.update,
    remove: lifecycle.remove,
    rotateSecret: lifecycle.rotateSecret,
    enable: lifecycle.enable,
    test: async (id) => testDelivery.test(findLane(lanes, id)),
    replay: async (id, selection) => replays.asked(findLane(lanes, id), selection),
    retry: history.retry,
    requeue: history.requeueFailed,
    delivery: history.getDelivery,
  };
  const calls = createOwnerCalls<OwnOperations>({ ownership, operations: own, own: keeper.own, signal });
  const views = createSharedViews({
    context,
    shared,
    views: options.views,
    askOwner: (id) => calls.call(id, 'view', [id], { timeoutMs: showWithinMs }),
    askOwners: async () =>
      (await calls.askAll('webhooks.views', null, showWithinMs)) as readonly (readonly Webhook[])[],
  });
  const stops = [
    ownership.commands.handle('webhooks.views', views.ownWebhooks),
    ownership.commands.handle('webhooks.refresh', registry.refresh),
    ownership.commands.handle('webhooks.settle', async () => {
      await registry.refresh();
      // Writes are committed in their order, so this one comes after what was planned before.
      await store.write([{ kind: 'deleteWebhookState', webhookId: '' }]);
    }),
  ];
  /** This node and the others. A node that does not answer follows the registry by itself. */
  async function refreshAll(): Promise<void> {
    try {
      await Promise.all([registry.refresh(), calls.askAll('webhooks.refresh', null, refreshWithinMs)]);
    } catch (error) {
      warn('other nodes could not be told of a change of webhooks; they find it themselves', error);
    }
  }

  /** A node ended after it had removed a webhook and before its deliveries were cancelled. */
  async function cancelOrphans(): Promise<void> {
    const pending = (await shared.pendingWebhooks()).filter((id) => !lanes.has(id));
    if (pending.length === 0) return;
    await registry.refresh();
    for (const id of pending) if (!lanes.has(id)) await removal.cancelPending(id, []);
  }

  async function recount(): Promise<void> {
    options.figures.recounted(await store.endedCounts());
  }

  return {
    recount,
    async oldestPending() {
      const ids = keeper.ownIds();
      const [fresh, waiting] = await Promise.all([shared.oldestFreshOf(ids), shared.waitingCountsOf(ids)]);
      const times = waiting.map(({ oldestCreatedAt }) => oldestCreatedAt);
      if (fresh !== undefined) times.push(fresh);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    async mayPrune() {
      const isMine = ownership.node.leaseLeftMs() > 0 && (await ownership.claims.claim(pruneClaim));
      if (!isMine) return false;
      await cancelOrphans();
      await recount();
      return true;
    },
    operations: createSharedOperations({
      context,
      calls,
      create: lifecycle.create,
      getDelivery: history.getDelivery,
      failedPage: history.failedPage,
      refresh: registry.refresh,
      refreshAll,
    }),
    views,
    follow: shadows.follow,
    async createForRun(config, runId) {
      // This node is to own it, so it must be the first to add it.
      await ownership.lanes.add([config.id], { pinned: true });
      try {
        await registry.changeOfRun(config.id, runId, () => toFileEntry(config));
      } catch (error) {
        inBackground(keeper.removed(config.id));
        throw error;
      }
    },
    isElsewhere(lane, delivery) {
      // Also while the webhook is being taken up, which may end before those earlier events are read.
      if (keeper.owns(lane.id) && lane.config.ordered && arrivals.waits(delivery)) return true;
      if (keeper.isTakingUp(lane.id, delivery.sequence)) return true;
      return lane.isShadow || delivery.sequence <= lane.knownUpTo;
    },
    foreign: arrivals.foreign,
    replaying: arrivals.replayed,
    async settle() {
      await calls.askAll('webhooks.settle', null, settleWithinMs);
    },
    async removed({ id, runId }) {
      if (runId !== undefined) await registry.changeOfRun(id, runId, () => undefined);
      await keeper.removed(id);
    },
    async freshOf(webhookId, upTo) {
      const range = { after: 0, upTo, limit: cancelStep };
      return (await shared.freshPlacesOf([webhookId], range)).map(({ sequence }) => sequence);
    },
    async start() {
      await shadows.createAll();
      ownership.lanes.serve(keeper);
    },
    close() {
      for (const stop of stops) stop();
      calls.close();
    },
    closed: closing.resolve,
  };
}
