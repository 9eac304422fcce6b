// Removes webhooks, and cancels the pending deliveries of webhooks that are gone.

import type { Write } from '../store/store.ts';
import type { DeliveryFigures } from './delivery-figures.ts';
import type { EarlierStates } from './earlier-states.ts';
import type { EngineContext } from './engine-context.ts';
import type { Lane } from './lane.ts';
import type { WebhookOutbox } from './outbox.ts';
import type { Settled } from './settled.ts';
import type { Transport } from './transport.ts';

export interface Removal {
  /**
   * Nothing is sent after this call. Resolves when its deliveries are cancelled, or will be cancelled later if the
   * store fails.
   */
  remove(lane: Lane): Promise<void>;
  /** Another node has removed the webhook, and cancels its deliveries. */
  forget(lane: Lane): Promise<void>;
  /** Removes the webhook of a run that has ended, if nothing is pending for it. */
  removeIfDone(lane: Lane): void;
  /**
   * Cancels the pending deliveries of a webhook that does not exist: those of these events, and all that wait for a
   * retry. If other nodes share the store, also all others of events up to `upTo` (default: any).
   */
  cancelPending(webhookId: string, sequences: readonly number[], upTo?: number): Promise<void>;
}

export interface RemovalOptions {
  readonly context: EngineContext;
  readonly outbox: Pick<WebhookOutbox, 'lanesChanged'>;
  readonly transport: Pick<Transport, 'purge'>;
  readonly figures: DeliveryFigures;
  readonly settled: Pick<Settled, 'anyEnded'>;
  readonly earlierStates: EarlierStates;
  /** If other nodes share the store. */
  readonly nodes?: RemovalNodes | undefined;
}

export interface RemovalNodes {
  /** Removes it from the registry, and from the webhooks that have an owner. */
  removed(lane: Lane): Promise<void>;
  /** Events up to `upTo` with fresh deliveries of a webhook. Other nodes may have added some. */
  freshOf(webhookId: string, upTo: number): Promise<readonly number[]>;
}

const stepSize = 500;

export function createRemoval({
  context: { store, log, clock, lanes, warn, inBackground, untilDone },
  outbox,
  transport,
  figures,
  settled,
  earlierStates,
  nodes,
}: RemovalOptions): Removal {
  async function remove(lane: Lane): Promise<void> {
    if (lanes.get(lane.id) !== lane) return;
    lanes.delete(lane.id);
    earlierStates.forget(lane.id);
    const sequences = lane.removed();
    outbox.lanesChanged();
    transport.purge();
    const writes: Write[] = [{ kind: 'deleteWebhookState', webhookId: lane.id }];
    if (lane.runId !== undefined) writes.push({ kind: 'deleteRunWebhook', webhookId: lane.id });
    let upTo: number | undefined;
    const cancel = async (): Promise<void> => {
      // Later ones would be those of a new webhook with the same id.
      if (nodes !== undefined) upTo ??= (await log.bounds()).last;
      await nodes?.removed(lane);
      await store.write(writes);
      await cancelPending(lane.id, sequences, upTo);
    };
    try {
      await cancel();
    } catch (error) {
      warn(`the deliveries of webhook ${lane.id}, which was removed, are cancelled later`, error);
      inBackground(untilDone(cancel));
    }
  }

  async function cancelPending(
    webhookId: string,
    sequences: readonly number[],
    upTo = Number.MAX_SAFE_INTEGER,
  ): Promise<void> {
    const end = { reason: 'webhook_removed', endedAt: clock.now() };
    let left = sequences;
    for (;;) {
      figures.ended('cancelled', await store.cancelPending(webhookId, left.slice(0, stepSize), end));
      left = left.slice(stepSize);
      if (left.length === 0) left = await store.freshenWaiting(webhookId, stepSize);
      if (left.length === 0 && nodes !== undefined) left = await nodes.freshOf(webhookId, upTo);
      if (left.length === 0) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    settled.anyEnded();
  }

  return {
    remove,
    async forget(lane) {
      if (lanes.get(lane.id) !== lane) return;
      lanes.delete(lane.id);
      outbox.lanesChanged();
      await untilDone(async () => nodes?.removed(lane));
    },
    cancelPending,
    removeIfDone(lane) {
      if (lane.isRunEnded && lane.queue.pending === 0 && lanes.has(lane.id)) inBackground(remove(lane));
    },
  };
}
