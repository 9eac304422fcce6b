// Chooses the webhooks that receive an event before it is committed, so that its deliveries are committed with it, and
// passes them to the dispatcher after the commit, without reading back what was just written.

import { makeId } from '../base/ids.ts';
import { packTraceContext } from '../base/trace-context.ts';
import type { Tracing } from '../base/tracing.ts';
import type { DraftEvent, Outbox } from '../events/event-log.ts';
import type { DeliveryRow } from '../store/delivery-store.ts';
import type { DeliveryClock } from './delivery-clock.ts';
import type { Lane } from './lane.ts';
import { payloadBytes, payloadParts } from './payload.ts';
import type { PayloadCache } from './payload-cache.ts';
import { lifetimeMs } from './retry-policy.ts';

export interface WebhookOutboxOptions {
  readonly lanes: ReadonlyMap<string, Lane>;
  readonly payloads: PayloadCache;
  readonly clock: DeliveryClock;
  readonly tracing: Pick<Tracing, 'current'>;
  /** Limit of deliveries of a lane in memory. */
  readonly capacity: () => number;
  readonly wake: (lane: Lane) => void;
  /** A delivery was committed for a webhook that was removed meanwhile. */
  readonly onOrphan: (webhookId: string, sequence: number) => void;
  readonly onEvent: () => void;
  /** If other nodes send deliveries, too. */
  readonly nodes?: OutboxNodes | undefined;
}

export interface OutboxNodes {
  /** True if the delivery is queued in another way: another node sends it, or earlier events are not known yet. */
  isElsewhere(lane: Lane, delivery: DeliveryRow): boolean;
  foreign(range: { readonly after: number; readonly upTo: number }): void;
}

export interface WebhookOutbox extends Outbox {
  /** The enabled webhooks that receive events of a type, without those of runs. */
  lanesFor(type: string): readonly Lane[];
  /** A webhook was created, changed, enabled, disabled or removed: receivers are chosen anew. */
  lanesChanged(): void;
  /** Calls `append`; also returns the ids of the deliveries that were planned before it returned. */
  observe<T>(append: () => T): { readonly result: T; readonly deliveries: readonly string[] };
  /** The same for a log that plans an event some time after it was called. */
  observeLater<T extends { readonly id: string }>(
    append: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly deliveries: readonly string[] }>;
}

/**
 * Events about one webhook, which their data names. It receives only `webhook.test`, and no other webhook receives
 * that.
 */
export const aboutWebhooks: ReadonlySet<string> = new Set([
  'webhook.test',
  'webhook.failing',
  'webhook.recovered',
  'webhook.disabled',
]);

export function createWebhookOutbox({
  lanes,
  payloads,
  clock,
  tracing,
  capacity,
  wake,
  onOrphan,
  onEvent,
  nodes,
}: WebhookOutboxOptions): WebhookOutbox {
  let byType = new Map<string, readonly Lane[]>();
  let runLanes: readonly Lane[] | undefined;
  let observed: string[] | undefined;
  /** Ids of deliveries by event, while someone observes. */
  const plannedFor = new Map<string, readonly string[]>();
  let observers = 0;

  function lanesFor(type: string): readonly Lane[] {
    let found = byType.get(type);
    if (found === undefined) {
      found = [...lanes.values()].filter(
        (lane) => lane.runId === undefined && lane.isEnabled && wants(lane.config.events, type),
      );
      byType.set(type, found);
    }
    return found;
  }

  function receiversOf(event: DraftEvent): readonly Lane[] {
    if (aboutWebhooks.has(event.type)) {
      const { webhookId } = JSON.parse(event.data) as { webhookId: string };
      if (event.type !== 'webhook.test') return lanesFor(event.type).filter(({ id }) => id !== webhookId);
      const lane = lanes.get(webhookId);
      return lane === undefined ? [] : [lane];
    }
    const all = lanesFor(event.type);
    runLanes ??= [...lanes.values()].filter(({ runId }) => runId !== undefined);
    if (runLanes.length === 0 || event.runId === null) return all;
    const ofRun = runLanes.filter(
      ({ runId, config }) => runId === event.runId && wants(config.events, event.type),
    );
    return ofRun.length === 0 ? all : [...all, ...ofRun];
  }

  return {
    lanesFor,
    lanesChanged() {
      byType = new Map();
      runLanes = undefined;
    },
    observe(append) {
      const deliveries: string[] = [];
      observed = deliveries;
      try {
        return { result: append(), deliveries };
      } finally {
        observed = undefined;
      }
    },
    async observeLater(append) {
      observers++;
      try {
        const result = await append();
        const deliveries = plannedFor.get(result.id) ?? [];
        plannedFor.delete(result.id);
        return { result, deliveries };
      } finally {
        observers--;
        if (observers === 0) plannedFor.clear();
      }
    },
    plan(event, hop) {
      onEvent();
      const receivers = receiversOf(event);
      if (receivers.length === 0) return undefined;
      const createdAt = clock.now();
      const context = tracing.current();
      const deliveries = receivers.map(({ id }) => ({ id: makeId('dlv', createdAt), webhookId: id }));
      observed?.push(...deliveries.map(({ id }) => id));
      if (observers > 0)
        plannedFor.set(
          event.id,
          deliveries.map(({ id }) => id),
        );
      return {
        payload: payloadParts(event),
        hop,
        trace: context === undefined ? undefined : packTraceContext(context),
        createdAt,
        expiresAt: createdAt + lifetimeMs,
        deliveries,
      };
    },
    committed(event, { payload, hop, trace, createdAt, expiresAt, deliveries }) {
      let isCached = false;
      for (const { id, webhookId } of deliveries) {
        const lane = lanes.get(webhookId);
        if (lane === undefined) {
          onOrphan(webhookId, event.sequence);
          continue;
        }
        const hasRoom = lane.hasRoomForNew(capacity());
        if (!hasRoom && nodes === undefined) {
          // It is read from the store when its turn comes.
          lane.queue.addedToStore(event.sequence);
          wake(lane);
          continue;
        }
        const delivery: DeliveryRow = {
          id,
          webhookId,
          sequence: event.sequence,
          eventId: event.id,
          eventType: event.type,
          status: 'pending',
          hop,
          trace,
          attempts: 0,
          tries: 0,
          pauses: 0,
          createdAt,
          expiresAt,
          nextAttemptAt: null,
          endedAt: null,
          reason: null,
          answered: 'nothing',
        };
        if (nodes?.isElsewhere(lane, delivery) === true) continue;
        if (!hasRoom) lane.queue.addedToStore(event.sequence);
        else {
          if (!isCached) payloads.put(event.sequence, payloadBytes(payload, event));
          isCached = true;
          lane.queue.added(delivery);
        }
        wake(lane);
      }
    },
    ...(nodes === undefined ? {} : { foreign: nodes.foreign }),
  };
}

/** True if this webhook must not receive the event in a replay: it is about the webhook, or a test. */
export function isAbout(webhookId: string, type: string, data: string): boolean {
  if (type === 'webhook.test') return true;
  return aboutWebhooks.has(type) && (JSON.parse(data) as { webhookId: string }).webhookId === webhookId;
}

/** `patterns`: exact names, `group.*`, `*`. */
export function wants(patterns: readonly string[], type: string): boolean {
  return patterns.some(
    (pattern) =>
      pattern === '*' ||
      pattern === type ||
      (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))),
  );
}
