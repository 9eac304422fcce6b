// The webhook engine, assembled from its parts. There is one for each store. It sees every event of the log before it
// is committed and keeps all deliveries in the store, so it can stop and start at any moment.
//
// Over 400 lines: it creates every part with its dependencies and options, and does little else.

import { makeId } from '../base/ids.ts';
import { passiveTracing } from '../base/passive-tracing.ts';
import { maskUrlsIn } from '../base/redaction.ts';
import type { Tracing } from '../base/tracing.ts';
import { createTurns } from '../base/turns.ts';
import type {
  Delivery,
  DeliveryRequest,
  ExplainedDelivery,
  HistoryQuery,
  Matching,
  Queued,
  RetryFilter,
} from '../contract/delivery.ts';
import type { LoggedEvent } from '../contract/event.ts';
import type { Page } from '../contract/page.ts';
import type { RotatedSecret, Webhook, WebhookSecret } from '../contract/webhook.ts';
import type {
  EnabledWebhook,
  EnableOptions,
  Replayed,
  ReplaySelection,
} from '../contract/webhook-actions.ts';
import type { WebhookDay } from '../contract/webhook-figures.ts';
import type { RunWebhook } from '../contract/webhook-input.ts';
import type { WebhookStats } from '../contract/webhook-stats.ts';
import type { EventLog, NewEvent } from '../events/event-log.ts';
import { openRegistry } from '../registry/registry.ts';
import { setAsideFiles } from '../registry/set-aside-files.ts';
import type { SharedWebhookStore } from '../store/shared-webhook-store.ts';
import type { Store, StoreFeed } from '../store/store.ts';
import { createConnector } from './connector.ts';
import { createDeliveryClock, type DeliveryClockOptions } from './delivery-clock.ts';
import { createDeliveryFigures } from './delivery-figures.ts';
import { laneCapacity } from './delivery-queue.ts';
import { createDispatcher } from './dispatcher.ts';
import { createEarlierStates } from './earlier-states.ts';
import { createEnablement } from './enablement.ts';
import { createContext } from './engine-context.ts';
import { createEntriesInForce } from './entries-in-force.ts';
import { createEntryChanges } from './entry-changes.ts';
import { createHistory } from './history.ts';
import { type Housekeeping, startHousekeeping } from './housekeeping.ts';
import type { Lane } from './lane.ts';
import { createLifecycle } from './lifecycle.ts';
import { createNameLookup } from './name-lookup.ts';
import type { EngineOwnership, Sharing } from './nodes/sharing.ts';
import { createWebhookOutbox } from './outbox.ts';
import { createOutcomes } from './outcomes.ts';
import { createPayloadCache } from './payload-cache.ts';
import { createRemoval } from './removal.ts';
import { createReplays } from './replays.ts';
import { createResuming } from './resume-now.ts';
import { createRunWebhooks } from './run-webhooks.ts';
import { createSettled } from './settled.ts';
import { readStats } from './stats.ts';
import { createTakeUp } from './take-up.ts';
import { checkTarget } from './target-check.ts';
import { createTestDelivery } from './test-delivery.ts';
import { createTransport } from './transport.ts';
import { checkUndici, loadUndici } from './undici-version.ts';
import { createUrlGuard } from './url-guard.ts';
import { createViews } from './views.ts';
import { parseWebhook } from './webhook-config.ts';
import { type WebhookRegistry, webhookEntries } from './webhook-entries.ts';
import { findLane } from './webhook-errors.ts';

export interface WebhookEngineOptions {
  readonly store: Store;
  readonly log: EventLog;
  /** webhooks.json. @default none: webhooks exist as long as the engine */
  readonly registryPath?: string;
  /** CIDRs, addresses and host names that webhooks may go to in addition to public ones. @default none */
  readonly allowedTargets?: readonly string[];
  /** @default true */
  readonly allowLoopback?: boolean;
  /** The addresses that this process listens on: never a target. */
  readonly ownListeners?: () => readonly { readonly address: string; readonly port: number }[];
  /** Additional certificate authorities, as PEM. */
  readonly ca?: string;
  /** The URL of an HTTP proxy that carries deliveries. @default none */
  readonly proxy?: string;
  /** Name servers, `address:port`. @default those of the system */
  readonly nameServers?: readonly string[];
  /** @default the system's */
  readonly hostsFile?: string;
  /** The domains in which short names are looked up. @default /etc/resolv.conf */
  readonly resolvConf?: string;
  /** Called with warnings for the operator. */
  readonly warn?: (message: string, error?: unknown) => void;
  readonly clock?: DeliveryClockOptions;
  /** 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** Requests in flight, of all webhooks together. @default 128 */
  readonly maxInFlight?: number;
  /** Ended deliveries that are kept. @default 100 000 */
  readonly keepDeliveries?: number;
  /** Event types of the host, beside the catalogue's. */
  readonly ownTypes?: ReadonlySet<string>;
  /** Webhooks of single runs that may exist at the same time. @default 1000 */
  readonly maxRunWebhooks?: number;
  /**
   * The owners of webhooks, if other nodes share the store: the registry is in the store then, not in webhooks.json.
   * Close the engine before the ownership. @default this process sends everything
   */
  readonly ownership?: EngineOwnership;
  /** @default no spans; the trace of a request is passed on to receivers */
  readonly tracing?: Tracing | undefined;
}

export interface WebhookEngine {
  list(): Promise<readonly Webhook[]>;
  /** Those whose deliveries this node sends. */
  listOwn(): Promise<readonly Webhook[]>;
  get(id: string): Promise<Webhook | undefined>;
  /** `generateSecret`: generate a secret if the input has none. */
  create(
    input: unknown,
    options?: { readonly generateSecret?: boolean },
  ): Promise<{ readonly webhook: Webhook; readonly sameUrlAs: readonly string[] } & WebhookSecret>;
  update(id: string, patch: unknown): Promise<Webhook>;
  remove(id: string): Promise<void>;
  test(id: string): Promise<Delivery>;
  rotateSecret(id: string, secret?: string): Promise<RotatedSecret>;
  replay(id: string, selection: ReplaySelection): Promise<Replayed>;
  enable(id: string, options: EnableOptions): Promise<EnabledWebhook>;
  /** Ids of the enabled webhooks that receive events of this type. */
  forEvent(type: string): readonly string[];
  /** Appends an event; resolves when it and its deliveries are committed. */
  emit(event: NewEvent): Promise<{ readonly event: LoggedEvent; readonly deliveries: readonly string[] }>;
  /** Resolves when all of these deliveries have ended. */
  settled(deliveries: readonly string[]): Promise<readonly Delivery[]>;

  listDeliveries(query: HistoryQuery): Promise<Page<Delivery>>;
  getDelivery(id: string): Promise<ExplainedDelivery | undefined>;
  getRequest(id: string, attempt?: number): Promise<DeliveryRequest | undefined>;
  retry(id: string): Promise<Delivery>;
  retryFailed(filter: RetryFilter): Promise<Queued>;
  countFailed(filter: RetryFilter): Promise<Matching>;
  clearHistory(filter: { readonly webhookId?: string }): Promise<{ readonly deleted: number }>;
  day(): Promise<WebhookDay>;

  createForRun(runId: string, input: RunWebhook): Promise<{ readonly id: string }>;
  dropForRun(runId: string): Promise<void>;
  /** Since the start. */
  counters(): Pick<WebhookStats, 'emitted' | 'delivered' | 'failed' | 'retried'>;
  stats(): Promise<WebhookStats>;
  /** Names of the copies of webhooks.json that could not be used. */
  setAside(): readonly string[];
  /** Webhooks whose configuration cannot be used now, with the reason. */
  refused(): readonly { readonly id: string; readonly reason: string }[];
  /** The reason why this machine can send no delivery now; undefined if it can. */
  trouble(): string | undefined;
  /** Waits up to `graceMs` (default 15 000) for requests in flight; the rest is left to the next start. */
  close(graceMs?: number): Promise<void>;
}

/** The id under which the store keeps the last good webhooks.json, among the saved states. */
const registryId = 'registry';

/** @throws Error if undici is too old; the errors of the store */
export async function openWebhookEngine(options: WebhookEngineOptions): Promise<WebhookEngine> {
  checkUndici();
  const { store, log, registryPath, ownTypes, random = Math.random, tracing = passiveTracing } = options;
  const clock = createDeliveryClock(options.clock);
  const lanes = new Map<string, Lane>();
  const turns = createTurns();
  const closing = new AbortController();
  const ownership = options.ownership?.shared === true ? options.ownership : undefined;
  const context = createContext(
    {
      ...{ store, log, clock, lanes, turns, ownTypes, signal: closing.signal },
      nodes:
        ownership === undefined
          ? undefined
          : {
              settle: () => sharing?.settle() ?? Promise.resolve(),
              replaying: (...args) => sharing?.replaying(...args),
            },
    },
    options.warn,
  );
  const { warn, inBackground } = context;

  // ---- where webhooks may go

  const guard = createUrlGuard({
    allowedTargets: options.allowedTargets ?? [],
    allowLoopback: options.allowLoopback ?? true,
    ownListeners: options.ownListeners ?? (() => []),
  });
  const names = createNameLookup({
    ...(options.nameServers === undefined ? {} : { servers: options.nameServers }),
    ...(options.hostsFile === undefined ? {} : { hostsFile: options.hostsFile }),
    ...(options.resolvConf === undefined ? {} : { resolvConf: options.resolvConf }),
  });
  const transport = createTransport({
    connect: createConnector({
      guard,
      names,
      ca: options.ca,
      proxy: options.proxy === undefined ? undefined : new URL(options.proxy),
    }),
    loadClient: loadUndici,
  });
  const checks = {
    checkUrl: (url: string) => guard.check(url),
    makeId: () => makeId('whk', clock.wall()),
    ownTypes,
  };
  const mayGoTo = (url: string): Promise<void> => checkTarget(url, guard, names);

  // ---- what an earlier process left

  const savedStates = ownership === undefined ? await store.listWebhookStates() : [];
  const earlierStates = createEarlierStates(savedStates, clock, warn);
  const figures = createDeliveryFigures(await store.endedCounts());
  const kind = webhookEntries((entry) => parseWebhook(entry, checks));
  // Not loaded by a process that is alone.
  const nodes = ownership === undefined ? undefined : await import('./nodes/sharing.ts');
  let sharing: Sharing | undefined;
  const sharedRegistry =
    nodes === undefined
      ? undefined
      : await nodes.openSharedRegistry({
          table: sharedParts(store).table.registry,
          feed: sharedParts(store).feed,
          kind,
          onChange: (ids) => sharing?.follow(ids),
          warn,
        });
  const openOwnRegistry = (): Promise<WebhookRegistry> =>
    openRegistry({
      path: registryPath,
      kind,
      whileMissing:
        'Their pending deliveries wait: restore the file, or remove the webhooks through the API.',
      lastGood: savedStates.find(({ webhookId }) => webhookId === registryId)?.state,
      keep: (state) =>
        store
          .write([{ kind: 'putWebhookState', row: { webhookId: registryId, state } }])
          .catch((error: unknown) => warn('a copy of webhooks.json could not be saved in the store', error)),
      onChange: () => inForce.followRegistry(),
      warn,
      now: clock.patient,
    });
  const registry = sharedRegistry ?? (await openOwnRegistry());

  // ---- the parts; several need each other, but none is called before all exist

  const payloads = createPayloadCache({ read: (sequence) => store.getPayload(sequence) });
  let housekeeping: Housekeeping | undefined;
  const views = createViews(context);
  const settled = createSettled(context, views.delivery);
  const outcomes = createOutcomes({
    context,
    figures,
    onEnded(lane, id) {
      settled.ended(id);
      removal.removeIfDone(lane);
      housekeeping?.nudge();
    },
    disableByReceiver: (...args) => enablement.disableByReceiver(...args),
  });
  const capacity = (): number => laneCapacity(lanes.size, ownership !== undefined);
  const dispatcher = createDispatcher({
    tracing,
    store,
    transport,
    payloads,
    clock,
    random,
    hooks: outcomes.hooks,
    capacity,
    ...(options.maxInFlight === undefined ? {} : { maxInFlight: options.maxInFlight }),
    ...(ownership === undefined
      ? {}
      : { lease: { leftMs: ownership.node.leaseLeftMs, onRenewed: ownership.node.onRenewed } }),
  });
  const outbox = createWebhookOutbox({
    tracing,
    lanes,
    payloads,
    clock,
    capacity,
    wake: dispatcher.wake,
    onOrphan: (webhookId, sequence) => inBackground(removal.cancelPending(webhookId, [sequence])),
    onEvent: figures.eventEmitted,
    nodes:
      ownership === undefined
        ? undefined
        : {
            isElsewhere: (...args) => sharing?.isElsewhere(...args) ?? true,
            foreign: (range) => sharing?.foreign(range),
          },
  });
  const resuming = createResuming(context, dispatcher);
  const replays = createReplays(context, dispatcher.wake);
  const removal = createRemoval({
    ...{ context, outbox, transport, figures, settled, earlierStates },
    nodes:
      ownership === undefined
        ? undefined
        : {
            removed: async (lane) => sharing?.removed(lane),
            freshOf: async (...args) => sharing?.freshOf(...args) ?? [],
          },
  });
  const entries = createEntryChanges(context, registry, checks, sharedRegistry);
  const enablement = createEnablement({ context, entries, outbox, dispatcher, replays });
  const takeUp = createTakeUp({
    context,
    registry,
    removal,
    deliverMissed: enablement.deliverMissed,
    wake: dispatcher.wake,
  });
  const inForce = createEntriesInForce({
    context,
    registry,
    earlierStates,
    outbox,
    transport,
    dispatcher,
    resuming,
    enablement,
    removal,
    takeReturned: takeUp.takeReturned,
  });
  const lifecycle = createLifecycle({
    context,
    entries,
    inForce,
    enablement,
    removal,
    resuming,
    dispatcher,
    earlierStates,
    view: views.webhook,
    checkTarget: mayGoTo,
  });
  const runWebhooks = createRunWebhooks({
    context,
    checks,
    earlierStates,
    removal,
    lanesChanged: outbox.lanesChanged,
    checkTarget: mayGoTo,
    max: options.maxRunWebhooks ?? 1000,
    createShared:
      ownership === undefined ? undefined : async (config, runId) => sharing?.createForRun(config, runId),
  });
  const history = createHistory({ context, views, figures, resuming, dispatcher });
  const testDelivery = createTestDelivery(context, resuming, views.delivery);

  // ---- the start

  let detach: () => void;
  if (ownership === undefined || nodes === undefined || sharedRegistry === undefined) {
    inForce.createAll();
    inForce.warnOfRefusals(await runWebhooks.takeUp());
    const { last } = await log.bounds();
    detach = log.attach(outbox);
    for (const lane of lanes.values()) if (lane.runId === undefined) enablement.settleAtStart(lane, last);
    await takeUp.start(last);
  } else {
    sharing = nodes.createSharing({
      ...{
        context,
        ownership,
        registry: sharedRegistry,
        shared: sharedParts(store).table,
        payloads,
        capacity,
        dispatcher,
      },
      ...{ lanesChanged: outbox.lanesChanged, apply: inForce.apply, removal, enablement, replays },
      ...{ lifecycle, history, testDelivery, runWebhooks, views, figures },
    });
    detach = log.attach(outbox);
    await sharing.start();
    inForce.warnOfRefusals([...lanes.values()]);
  }
  const view = sharing?.views.webhook ?? views.webhook;
  housekeeping = startHousekeeping({
    store,
    clock,
    lanes,
    ended: () => figures.endedInHistory,
    keep: options.keepDeliveries ?? 100_000,
    onPruned: figures.deleted,
    onExpired(lane, count) {
      lane.queue.expired(count);
      figures.ended('failed', count);
      settled.anyEnded();
      removal.removeIfDone(lane);
    },
    wake: dispatcher.wake,
    onError: (error) => warn('old deliveries could not be deleted; trying again later', error),
    mayPrune: sharing?.mayPrune,
  });

  return {
    ...lifecycle,
    ...history,
    list: sharing?.views.webhooks ?? views.webhooks,
    listOwn: sharing?.views.ownWebhooks ?? views.webhooks,
    async get(id) {
      await sharing?.operations.known(id);
      const lane = lanes.get(id);
      return lane === undefined ? undefined : view(lane);
    },
    test: async (id) => testDelivery.test(findLane(lanes, id)),
    replay: async (id, range) => replays.asked(findLane(lanes, id), range),
    ...sharing?.operations,
    forEvent: (type) => outbox.lanesFor(type).map(({ id }) => id),
    async emit(event) {
      const append = async (): Promise<LoggedEvent> => {
        const [logged] = await log.append([event]);
        if (logged === undefined) throw new Error('Internal error: the log returned no event');
        return logged;
      };
      if (ownership !== undefined) {
        const { result, deliveries } = await outbox.observeLater(append);
        return { event: result, deliveries };
      }
      const { result, deliveries } = outbox.observe(append);
      return { event: await result, deliveries };
    },
    settled: settled.settled,
    createForRun: runWebhooks.create,
    dropForRun: runWebhooks.remove,
    counters: figures.counters,
    stats: () => readStats({ store, clock, lanes, figures, dispatcher, nodes: sharing }),
    setAside: () => (ownership === undefined ? setAsideFiles(registryPath) : []),
    refused: () =>
      [...lanes.values()].flatMap(({ id, refusal }) =>
        refusal === undefined ? [] : [{ id, reason: maskUrlsIn(refusal) }],
      ),
    trouble: outcomes.trouble,
    async close(graceMs = 15_000) {
      if (closing.signal.aborted) return;
      closing.abort();
      sharing?.close();
      registry.stopFollowing();
      // Changes that have begun are written before the registry refuses further ones.
      await turns.idle();
      await registry.close();
      housekeeping?.stop();
      detach();
      for (const lane of lanes.values()) lane.stopTimer();
      await dispatcher.close(graceMs);
      names.close();
      settled.anyEnded();
      sharing?.closed();
    },
  };
}

/** @throws Error if the store cannot be shared */
function sharedParts({ webhooks, feed }: Store): {
  readonly table: SharedWebhookStore;
  readonly feed: StoreFeed;
} {
  if (webhooks === undefined || feed === undefined)
    throw new Error('Internal error: the store has an ownership that is shared, but no registry');
  return { table: webhooks, feed };
}
