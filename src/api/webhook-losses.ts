// Events that were emitted without waiting and could not be committed. They are in no log, so the last few are kept here, and are shown in the
// history of the webhooks that would have got them.

import type { Delivery } from '../contract/delivery.ts';
import { makeId } from '../events/ids.ts';

const most = 100;

export interface LossFilter {
  readonly webhookId?: string;
  readonly status?: string;
  readonly event?: string;
  readonly eventId?: string;
  readonly since?: string;
}

export interface WebhookLosses {
  /** `webhookIds`: who would have got it; none if that is not known. */
  add(event: string, webhookIds: readonly string[], reason: string): void;
  /** Newest first. */
  list(filter: LossFilter): readonly Delivery[];
  /** Returns how many were removed. */
  clear(webhookId: string | undefined): number;
}

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
          // It was never given one.
          eventId: '',
          event,
          sequence: 0,
          status: 'failed',
          attempts: 0,
          createdAt: time,
          expiresAt: time,
          nextAttemptAt: null,
          endedAt: time,
          reason: `never committed: ${reason}`,
          attemptLog: [],
        }),
      );
      losses = [...added.reverse(), ...losses].slice(0, most);
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
