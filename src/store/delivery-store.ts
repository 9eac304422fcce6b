// What the webhook engine keeps in the store: deliveries, the bytes they send, and what must be remembered of each webhook. Rows that
// wait stand in two lines: fresh ones (never tried) by the sequence of their event, waiting ones (tried) by the time of their next attempt.

/** `pending` until it ends as one of the others. */
export type DeliveryStatus = 'pending' | 'success' | 'failed' | 'cancelled';

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
}

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

/** What waits for one webhook. */
export interface PendingCount {
  readonly webhookId: string;
  readonly fresh: number;
  readonly waiting: number;
  /** When the next of `waiting` is due; null if there is none. */
  readonly nextAttemptAt: number | null;
  /** When the oldest of them was made; null if there is none. */
  readonly oldestCreatedAt: number | null;
}

export interface DeliveryStore {
  getDelivery(id: string): Promise<DeliveryWithAttempts | undefined>;
  /** Newest first. */
  listDeliveries(query: DeliveryQuery): Promise<readonly DeliveryWithAttempts[]>;
  /** Never tried, in the order of their events, after `afterSequence` (exclusive). */
  freshDeliveries(webhookId: string, afterSequence: number, limit: number): Promise<readonly DeliveryRow[]>;
  /** Tried and due at `until` (Unix ms) or before, the longest due first. */
  waitingDeliveries(webhookId: string, until: number, limit: number): Promise<readonly DeliveryRow[]>;
  /** When the next tried delivery of a webhook is due, beyond those due at `after`. */
  nextWaiting(webhookId: string, after: number): Promise<number | undefined>;
  /** Per webhook; walks an index, so it is for the start and for people, not for each delivery. */
  pendingCounts(): Promise<readonly PendingCount[]>;
  /** The sequences, of those from `from` to `to`, that wait for a webhook already. */
  pendingSequences(webhookId: string, from: number, to: number): Promise<readonly number[]>;
  /** Deliveries by how they ended. */
  endedCounts(): Promise<Readonly<Record<'success' | 'failed' | 'cancelled', number>>>;
  /** The bytes of an event's payload. */
  getPayload(sequence: number): Promise<Uint8Array | undefined>;
  /** Ends up to `max` pending deliveries of a webhook as cancelled; resolves to how many. */
  cancelPending(
    webhookId: string,
    end: { readonly reason: string; readonly endedAt: number },
    max: number,
  ): Promise<number>;
  /** Makes up to `max` tried deliveries of a webhook due as if they were fresh; resolves to how many. */
  freshenWaiting(webhookId: string, max: number): Promise<number>;
  /** Makes up to `max` tried deliveries that wait beyond `limit` due at `limit`; resolves to how many. */
  pullWaiting(limit: number, max: number): Promise<number>;
  /** Deletes up to `max` ended deliveries, oldest first: `excess` of any age, then those made before `before`. */
  pruneDeliveries(options: { before: number; excess: number; max: number }): Promise<number>;
  /** Deletes up to `max` ended deliveries of a webhook, or of all; resolves to how many. */
  clearDeliveries(webhookId: string | undefined, max: number): Promise<number>;

  listWebhookStates(): Promise<readonly WebhookStateRow[]>;
  listRunWebhooks(): Promise<readonly RunWebhookRow[]>;
}
