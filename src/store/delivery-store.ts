// The part of the store for the webhook engine: deliveries, their payloads, and the state of each webhook. Rows are
// ordered by event, so that an event for a hundred webhooks is one append. The engine knows which deliveries wait for
// which webhook and reads them by sequence. Tried ones can also be found by the time of their next attempt.

import type { DeliveryStatus, EndedDeliveryStatus } from '../contract/delivery-status.ts';

/** The delivery of one event to one webhook. Times are Unix milliseconds. */
export interface DeliveryRow {
  readonly id: string;
  readonly webhookId: string;
  readonly sequence: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly status: DeliveryStatus;
  /** How many webhook requests led to this event: the value of `X-CodeBuddy-Hop`. */
  readonly hop: number;
  /** The trace that the event belongs to: `packTraceContext`. */
  readonly trace?: string | undefined;
  /** Attempts that count toward the webhook's retries. */
  readonly attempts: number;
  /** Requests sent, counted or not. */
  readonly tries: number;
  /** How often a 429 delayed it. */
  readonly pauses: number;
  readonly createdAt: number;
  /** It expires at this time. */
  readonly expiresAt: number;
  /** Null for a fresh delivery, which was never tried or is retried by command: due as soon as its webhook is free. */
  readonly nextAttemptAt: number | null;
  readonly endedAt: number | null;
  /** Why it waits or how it ended. Null before the first try. */
  readonly reason: string | null;
  /** The answers of the receiver so far. */
  readonly answered: DeliveryAnswer;
}

/** `refused`: with 3xx, 4xx or abort-message, so the receiver rejects this event. `error`: with 5xx only. */
export type DeliveryAnswer = 'nothing' | 'error' | 'refused';

/** A delivery with its attempts. */
export interface DeliveryWithAttempts extends DeliveryRow {
  /** JSON array of the attempts, oldest first. */
  readonly attemptLog: string;
}

/** A new delivery. */
export interface NewDelivery {
  readonly id: string;
  readonly webhookId: string;
}

/** New deliveries of one event, created with the event or later by a replay. */
export interface NewDeliveries {
  readonly payload: PayloadParts;
  readonly hop: number;
  /** The trace that the event belongs to. Stored once, with the payload. */
  readonly trace?: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly deliveries: readonly NewDelivery[];
}

/** The payload that all deliveries of an event send: `head`, the sequence number of the event, `tail`. */
export interface PayloadParts {
  readonly head: string;
  /** Null: `payloadTail` of the event's data. The data is not passed to the store a second time then. */
  readonly tail: string | null;
}

/** The end of a payload with the whole data of the event. */
export function payloadTail(data: string): string {
  return `,"data":${data}}`;
}

/** A change of a pending delivery, by an attempt or without one. */
export interface DeliveryChange {
  readonly id: string;
  readonly sequence: number;
  readonly webhookId: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly tries: number;
  readonly pauses: number;
  readonly nextAttemptAt: number | null;
  readonly endedAt: number | null;
  readonly reason: string | null;
  /** JSON text of the attempt. Absent if nothing was sent. */
  readonly attempt?: string;
}

/** The state of a webhook, as JSON text. */
export interface WebhookStateRow {
  readonly webhookId: string;
  readonly state: string;
}

/** A webhook that exists as long as its run and their deliveries. */
export interface RunWebhookRow {
  readonly webhookId: string;
  readonly runId: string;
  /** JSON text of the configuration. */
  readonly config: string;
  readonly createdAt: number;
}

export type DeliveryWrite =
  /** Queue an event of the log (replay). A stored payload is kept unchanged. */
  | {
      readonly kind: 'addDeliveries';
      readonly sequence: number;
      readonly eventId: string;
      readonly eventType: string;
      /** The data of the event, JSON text. */
      readonly data: string;
      readonly outbox: NewDeliveries;
    }
  /** Change a pending delivery. One that has ended is left unchanged. */
  | { readonly kind: 'changeDelivery'; readonly change: DeliveryChange }
  /** Make an ended delivery pending again, with all its retries. Its attempts are kept. */
  | { readonly kind: 'requeueDelivery'; readonly id: string; readonly expiresAt: number }
  | { readonly kind: 'putWebhookState'; readonly row: WebhookStateRow }
  | { readonly kind: 'deleteWebhookState'; readonly webhookId: string }
  | { readonly kind: 'putRunWebhook'; readonly row: RunWebhookRow }
  | { readonly kind: 'deleteRunWebhook'; readonly webhookId: string };

export interface DeliveryQuery {
  readonly webhookId?: string;
  readonly status?: DeliveryStatus;
  readonly eventType?: string;
  readonly eventId?: string;
  /** Created at this time (Unix ms) or later. */
  readonly since?: number;
  /** Exclusive; newest first by id. */
  readonly beforeId?: string;
  readonly limit: number;
}

/** The part of a delivery that the figures of its webhook need. */
export interface DeliveryFact
  extends Pick<DeliveryRow, 'id' | 'webhookId' | 'status' | 'tries' | 'createdAt'> {
  /** Of the attempts that the receiver answered. */
  readonly durationsMs: readonly number[];
}

/** The failed deliveries of one webhook. */
export interface FailedCount {
  readonly webhookId: string;
  readonly count: number;
}

/** A fresh delivery: its event and its webhook. */
export interface DeliveryPlace {
  readonly sequence: number;
  readonly webhookId: string;
}

/** The tried deliveries that wait for one webhook. */
export interface WaitingCount {
  readonly webhookId: string;
  readonly count: number;
  readonly nextAttemptAt: number;
  /** When the oldest one was created. */
  readonly oldestCreatedAt: number;
}

export interface DeliveryStore {
  getDelivery(id: string): Promise<DeliveryWithAttempts | undefined>;
  /** Newest first. */
  listDeliveries(query: DeliveryQuery): Promise<readonly DeliveryWithAttempts[]>;
  /** Facts about deliveries, newest first by id. `beforeId` is exclusive. */
  deliveryFacts(page: {
    readonly beforeId: string | undefined;
    readonly limit: number;
  }): Promise<readonly DeliveryFact[]>;
  /** The number of failed deliveries of each webhook that has some. */
  countFailed(
    query: Pick<DeliveryQuery, 'webhookId' | 'eventType' | 'since'>,
  ): Promise<readonly FailedCount[]>;
  /** The fresh deliveries of a webhook for these events. */
  freshDeliveries(webhookId: string, sequences: readonly number[]): Promise<readonly DeliveryRow[]>;
  /** The places of fresh deliveries after `after`, ordered by event, then webhook. Reads an index only. */
  freshPlaces(after: DeliveryPlace | undefined, limit: number): Promise<readonly DeliveryPlace[]>;
  /** Tried deliveries that are due at `until` (Unix ms), longest due first. */
  waitingDeliveries(webhookId: string, until: number, limit: number): Promise<readonly DeliveryRow[]>;
  /**
   * Make up to `max` tried deliveries of a webhook due at `now`: those that its receiver never answered, and those that
   * wait no longer than `withinMs`. Resolves to their number.
   */
  hastenWaiting(webhookId: string, options: { now: number; withinMs: number; max: number }): Promise<number>;
  /** When the next tried delivery of a webhook is due after `after`. */
  nextWaiting(webhookId: string, after: number): Promise<number | undefined>;
  /** Tried deliveries by webhook. Reads a whole index, so call it only at the start and for a person. */
  waitingCounts(): Promise<readonly WaitingCount[]>;
  /** When the oldest fresh delivery was created; undefined if there is none. */
  oldestFresh(): Promise<number | undefined>;
  /** Those of these events that wait for a webhook already. */
  pendingAmong(webhookId: string, sequences: readonly number[]): Promise<readonly number[]>;
  /** The number of ended deliveries by status. */
  endedCounts(): Promise<Readonly<Record<EndedDeliveryStatus, number>>>;
  /** The payload of an event. */
  getPayload(sequence: number): Promise<Uint8Array | undefined>;
  /** Cancel the pending deliveries of a webhook for these events. Resolves to their number. */
  cancelPending(
    webhookId: string,
    sequences: readonly number[],
    end: { readonly reason: string; readonly endedAt: number },
  ): Promise<number>;
  /** Make up to `max` tried deliveries of a webhook fresh. Resolves to the sequences of their events. */
  freshenWaiting(webhookId: string, max: number): Promise<readonly number[]>;
  /** Make up to `max` tried deliveries that wait beyond `limit` due at `due`. Resolves to their number. */
  pullWaiting(limit: number, due: number, max: number): Promise<number>;
  /** Delete up to `max` ended deliveries, oldest first: `excess` of any age, then those created before `before`. */
  pruneDeliveries(options: { before: number; excess: number; max: number }): Promise<number>;
  /** Delete up to `max` ended deliveries of a webhook, or of all. Resolves to their number. */
  clearDeliveries(webhookId: string | undefined, max: number): Promise<number>;

  listWebhookStates(): Promise<readonly WebhookStateRow[]>;
  listRunWebhooks(): Promise<readonly RunWebhookRow[]>;
}
