// What the webhook engine keeps in the store: deliveries, the bytes they send, and what must be remembered of each webhook. Rows lie by
// event, so that an event for a hundred webhooks is one append and not a hundred places to write to; which of them wait for which webhook the engine knows,
// and asks for them by sequence. Tried ones can also be found by the time of their next attempt.

import type { DeliveryStatus, EndedDeliveryStatus } from '../contract/delivery.ts';

/** One event on its way to one webhook. Times are Unix milliseconds. */
export interface DeliveryRow {
  readonly id: string;
  readonly webhookId: string;
  readonly sequence: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly status: DeliveryStatus;
  /** How many of our own requests led to this event; what `X-CodeBuddy-Hop` says. */
  readonly hop: number;
  /** Attempts that count against the webhook's budget. */
  readonly attempts: number;
  /** Requests made, counted or not. */
  readonly tries: number;
  /** Times a 429 made it wait. */
  readonly pauses: number;
  readonly createdAt: number;
  /** After this it is given up. */
  readonly expiresAt: number;
  /** Null: never tried, or asked for again; due as soon as its webhook can take it. */
  readonly nextAttemptAt: number | null;
  readonly endedAt: number | null;
  /** Why it waits or how it ended; null while it has not been tried. */
  readonly reason: string | null;
  /** What its receiver has answered to it so far. */
  readonly answered: DeliveryAnswer;
}

/** `refused`: with 3xx or 4xx, or to give it up; this event itself is not wanted. `error`: with 5xx alone. */
export type DeliveryAnswer = 'nothing' | 'error' | 'refused';

/** A row with its attempts. */
export interface DeliveryWithAttempts extends DeliveryRow {
  /** JSON array of the attempts, oldest first. */
  readonly attemptLog: string;
}

/** A delivery as it is made. */
export interface NewDelivery {
  readonly id: string;
  readonly webhookId: string;
}

/** Deliveries of one event, as they are made: together with it, or later from the log (replay). */
export interface NewDeliveries {
  readonly payload: PayloadParts;
  readonly hop: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly deliveries: readonly NewDelivery[];
}

/** The bytes that every delivery of an event sends: `head`, the event's sequence number, `tail`. */
export interface PayloadParts {
  readonly head: string;
  readonly tail: string;
}

/** What an attempt, or a decision without one, changes of a pending delivery. */
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
  /** JSON text of the attempt; none if nothing was sent. */
  readonly attempt?: string;
}

/** What is remembered of a webhook beside its configuration, as JSON text. */
export interface WebhookStateRow {
  readonly webhookId: string;
  readonly state: string;
}

/** A webhook that lives as long as one run and its deliveries. */
export interface RunWebhookRow {
  readonly webhookId: string;
  readonly runId: string;
  /** JSON text of the configuration. */
  readonly config: string;
  readonly createdAt: number;
}

export type DeliveryWrite =
  /** Queues an event that is in the log (replay); its bytes are kept as they were first made. */
  | {
      readonly kind: 'addDeliveries';
      readonly sequence: number;
      readonly eventId: string;
      readonly eventType: string;
      readonly outbox: NewDeliveries;
    }
  /** Changes a pending delivery; one that has ended meanwhile is left as it is. */
  | { readonly kind: 'changeDelivery'; readonly change: DeliveryChange }
  /** Makes a delivery that has ended pending again, with a new budget; its attempts are kept. */
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

/** A fresh delivery: its event, its webhook. */
export interface DeliveryPlace {
  readonly sequence: number;
  readonly webhookId: string;
}

/** What waits for one webhook after it was tried. */
export interface WaitingCount {
  readonly webhookId: string;
  readonly count: number;
  readonly nextAttemptAt: number;
  /** When the oldest of them was made. */
  readonly oldestCreatedAt: number;
}

export interface DeliveryStore {
  getDelivery(id: string): Promise<DeliveryWithAttempts | undefined>;
  /** Newest first. */
  listDeliveries(query: DeliveryQuery): Promise<readonly DeliveryWithAttempts[]>;
  /** The fresh ones (never tried, or asked for again) of a webhook for these events. */
  freshDeliveries(webhookId: string, sequences: readonly number[]): Promise<readonly DeliveryRow[]>;
  /** Where fresh deliveries are, in the order of events and then webhooks, after `after`; an index alone is read. */
  freshPlaces(after: DeliveryPlace | undefined, limit: number): Promise<readonly DeliveryPlace[]>;
  /** Tried and due at `until` (Unix ms) or before, the longest due first. */
  waitingDeliveries(webhookId: string, until: number, limit: number): Promise<readonly DeliveryRow[]>;
  /**
   * Makes up to `max` tried deliveries of a webhook due at `now` that its receiver never answered or that wait no longer than `withinMs`; resolves
   * to how many.
   */
  hastenWaiting(webhookId: string, options: { now: number; withinMs: number; max: number }): Promise<number>;
  /** When the next tried delivery of a webhook is due, beyond those due at `after`. */
  nextWaiting(webhookId: string, after: number): Promise<number | undefined>;
  /** Tried deliveries per webhook; walks an index, so it is for the start and for people. */
  waitingCounts(): Promise<readonly WaitingCount[]>;
  /** When the oldest fresh delivery was made; undefined if there is none. */
  oldestFresh(): Promise<number | undefined>;
  /** Those of these events that wait for a webhook already. */
  pendingAmong(webhookId: string, sequences: readonly number[]): Promise<readonly number[]>;
  /** Deliveries by how they ended. */
  endedCounts(): Promise<Readonly<Record<EndedDeliveryStatus, number>>>;
  /** The bytes of an event's payload. */
  getPayload(sequence: number): Promise<Uint8Array | undefined>;
  /** Ends the pending deliveries of a webhook for these events as cancelled; resolves to how many. */
  cancelPending(
    webhookId: string,
    sequences: readonly number[],
    end: { readonly reason: string; readonly endedAt: number },
  ): Promise<number>;
  /** Makes up to `max` tried deliveries of a webhook fresh; resolves to the sequences of their events. */
  freshenWaiting(webhookId: string, max: number): Promise<readonly number[]>;
  /** Makes up to `max` tried deliveries that wait beyond `limit` due at `due`; resolves to how many. */
  pullWaiting(limit: number, due: number, max: number): Promise<number>;
  /** Deletes up to `max` ended deliveries, oldest first: `excess` of any age, then those made before `before`. */
  pruneDeliveries(options: { before: number; excess: number; max: number }): Promise<number>;
  /** Deletes up to `max` ended deliveries of a webhook, or of all; resolves to how many. */
  clearDeliveries(webhookId: string | undefined, max: number): Promise<number>;

  listWebhookStates(): Promise<readonly WebhookStateRow[]>;
  listRunWebhooks(): Promise<readonly RunWebhookRow[]>;
}
