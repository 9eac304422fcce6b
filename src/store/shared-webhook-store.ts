// The reads and writes of webhooks on a store that nodes share: the registry as a table, and reads of some webhooks
// only, so that their cost does not grow with the backlog of others.

import type { DeliveryPlace, WaitingCount, WebhookStateRow } from './delivery-store.ts';

/** A configured webhook. */
export interface WebhookEntryRow {
  readonly id: string;
  /** The run that it belongs to; null for a webhook of its own. */
  readonly runId: string | null;
  /** JSON text of the entry; null if the webhook was removed. */
  readonly entry: string | null;
  /** Grows with each change of any webhook, in the order of the commits. Never used twice. */
  readonly version: number;
}

export interface WebhookEntryChange {
  readonly id: string;
  readonly runId: string | null;
  /** Null removes the webhook. */
  readonly entry: string | null;
  /** The version that the change was made from; undefined if the webhook must not exist. */
  readonly expected: number | undefined;
}

/** The topic of `StoreFeed.onChange` for changes of entries. */
export const webhooksTopic = 'webhooks';

/** Fresh deliveries of an event, and what they have in common. */
export interface ArrivedDeliveries {
  readonly sequence: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly hop: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** False: they were tried before, and a user asked for them again. */
  readonly areNew: boolean;
  readonly deliveries: readonly { readonly id: string; readonly webhookId: string }[];
  /** Undefined if it was left out. */
  readonly payload: Uint8Array | undefined;
}

export interface SharedWebhookStore {
  /** The entries that changed after a version, in the order of their versions. From 0: all that exist. */
  webhookEntries(after: number): Promise<readonly WebhookEntryRow[]>;
  /**
   * Compare and set an entry. Resolves to its new version, or to undefined if another change came first; nothing is
   * changed then. The state of an earlier webhook with the id is deleted with the creation, and with the removal.
   * @throws CodeBuddyError as `Store.write`
   */
  changeWebhookEntry(change: WebhookEntryChange): Promise<number | undefined>;
  webhookStatesOf(webhookIds: readonly string[]): Promise<readonly WebhookStateRow[]>;
  /** The tried deliveries that wait for these webhooks. */
  waitingCountsOf(webhookIds: readonly string[]): Promise<readonly WaitingCount[]>;
  /**
   * The fresh deliveries of each webhook for events after `after` up to `upTo`, the first `limit` of each, by webhook, then
   * event. Reads an index only.
   */
  freshPlacesOf(
    webhookIds: readonly string[],
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<readonly DeliveryPlace[]>;
  /** The webhooks that have pending deliveries. Its cost grows with their number, not with that of deliveries. */
  pendingWebhooks(): Promise<readonly string[]>;
  /** When the oldest fresh delivery of these webhooks was created; undefined if there is none. */
  oldestFreshOf(webhookIds: readonly string[]): Promise<number | undefined>;
  /**
   * Fresh deliveries of these webhooks for events after `after` up to `upTo`, by event. `limit` counts them roughly: all
   * of an event are returned together. If there are `limit` or more, read on after the last event.
   */
  newDeliveries(query: {
    readonly after: number;
    readonly upTo: number;
    readonly webhookIds: readonly string[];
    readonly limit: number;
    /** Whether the payloads are needed soon. Large ones are left out. */
    readonly withPayloads: boolean;
  }): Promise<readonly ArrivedDeliveries[]>;
}
