// The reads and writes of webhooks on a store that nodes share: the registry as a table, and reads of some webhooks
// only, so that their cost does not grow with the backlog of others.

import type { DeliveryPlace, WaitingCount, WebhookStateRow } from './delivery-store.ts';
import type { SharedEntryTable } from './shared-entries.ts';

/** Fresh deliveries of an event, and what they have in common. */
export interface ArrivedDeliveries {
  readonly sequence: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly hop: number;
  readonly trace?: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** False: they were tried before, and a user asked for them again. */
  readonly areNew: boolean;
  readonly deliveries: readonly { readonly id: string; readonly webhookId: string }[];
  /** Undefined if it was left out. */
  readonly payload: Uint8Array | undefined;
}

export interface SharedWebhookStore {
  /** The state of an earlier webhook with the id is deleted with the creation, and with the removal. */
  readonly registry: SharedEntryTable;
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
