// Keeps events of `emitSafely` that could not be committed. They are not in the log, so the last 100 are kept in memory
// and shown as failed deliveries in the history of the subscribed webhooks.

import { makeId } from '../base/ids.ts';
import type { Delivery } from '../contract/delivery.ts';

const maxLosses = 100;

/** Selects losses, as the history selects deliveries. */
export interface LossFilter {
  readonly webhookId?: string;
  readonly status?: string;
  readonly event?: string;
  readonly eventId?: string;
  readonly since?: string;
}

/** The events that one manager has lost. */
export interface WebhookLosses {
  /** Adds a lost event. `webhookIds` are the subscribed webhooks, empty if unknown. */
  add(event: string, webhookIds: readonly string[], reason: string): void;
  /** Lists losses, newest first. */
  list(filter: LossFilter): readonly Delivery[];
  /** Removes losses and returns their number. */
  clear(webhookId: string | undefined): number;
}

/** @param now Unix ms */
export function createWebhookLosses(now: () => number = Date.now): WebhookLosses {
  let losses: readonly Delivery[] = [];
  return {
    add(event, webhookIds, reason) {
      const at = now();
      const time = new Date(at).toISOString();
      const added = (webhookIds.length === 0 ? [''] : webhookIds).map(
        (webhookId): Delivery => ({
          id: makeId('dlv', at),
          webhookId,
          // The event never got an id.
          eventId: '',
          event,
          sequence: 0,
          status: 'failed',
          attempts: 0,
          createdAt: time,
          expiresAt: time,
          nextAttemptAt: null,
          endedAt: time,
          reason: `Never committed: ${reason}`,
          attemptLog: [],
        }),
      );
      losses = [...added.reverse(), ...losses].slice(0, maxLosses);
    },
    list: ({ webhookId, status, event, eventId, since }) =>
      losses.filter(
        (loss) =>
          (webhookId === undefined || loss.webhookId === webhookId) &&
          (status === undefined || loss.status === status) &&
          (event === undefined || loss.event === event) &&
          eventId === undefined &&
          (since === undefined || loss.createdAt >= new Date(since).toISOString()),
      ),
    clear(webhookId) {
      const kept = losses.filter((loss) => webhookId !== undefined && loss.webhookId !== webhookId);
      const removed = losses.length - kept.length;
      losses = kept;
      return removed;
    },
  };
}
