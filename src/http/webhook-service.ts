// What the REST server needs of the webhook engine, said by the one who needs it.

import type { Page } from './page.ts';

/** A webhook as it is shown. Its secret and header values that hold credentials never are. Times in ms. */
export interface Webhook {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly enabled: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly retryCount: number;
  readonly retryDelay: number;
  readonly timeout: number;
  readonly ordered: boolean;
  readonly legacySignature: boolean;
  readonly description: string;
  /** PEM files for the connection. */
  readonly tls?: WebhookTls;
  /** Whether requests are signed. */
  readonly signed: boolean;
  /** `whpk_…` of an ed25519 webhook. */
  readonly publicKey: string | null;
  /** Set while the webhook belongs to one run. */
  readonly runId: string | null;
  /** How it fares. */
  readonly state: WebhookState;
}

/** Absolute paths on the server's machine. */
export interface WebhookTls {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

export interface WebhookState {
  /** `healthy`, or why requests are not simply sent. */
  readonly status: 'healthy' | 'failing' | 'open' | 'unreachable' | 'paused' | 'disabled' | 'refused';
  /** In words, with the next step. */
  readonly detail: string;
  readonly pending: number;
  readonly inFlight: number;
  /** Attempts in a row that failed. */
  readonly failures: number;
  readonly failingSince: string | null;
  readonly lastSuccessAt: string | null;
  readonly pausedUntil: string | null;
  /** While requests are held back: when the next one is made. */
  readonly nextProbeAt: string | null;
  readonly disabledAt: string | null;
  readonly disabledReason: string | null;
  /** Matching events since it was disabled; `enable` with `replayMissed` delivers them. */
  readonly missed: number;
}

/** What a client may set; what is left out gets its default, or stays as it is in an update. */
export interface WebhookInput {
  readonly name?: string;
  readonly url?: string;
  readonly events?: readonly string[];
  /** Null: requests are not signed. Left out when a webhook is made: one is generated. */
  readonly secret?: string | null;
  readonly enabled?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly retryCount?: number;
  readonly retryDelay?: number;
  readonly timeout?: number;
  readonly ordered?: boolean;
  readonly legacySignature?: boolean;
  readonly description?: string;
  /** Null: none. */
  readonly tls?: WebhookTls | null;
}

/** Shown once, when a secret is made. */
export interface WebhookSecret {
  readonly secret: string | null;
  /** `secret` as the common libraries take it: `whsec_…`, or `whpk_…` of an ed25519 key. */
  readonly signingSecret: string | null;
}

/** One request that was made, or that could not be made. */
export interface DeliveryAttempt {
  readonly number: number;
  readonly at: string;
  readonly durationMs: number;
  /** `success`, or the kind of failure: `http_error`, `timeout`, `redirect_refused`, `connection_refused`, … */
  readonly outcome: string;
  readonly statusCode: number | null;
  readonly message: string | null;
  /** Where a redirect would have led; only for keys with the scope `admin`. */
  readonly location?: string | null;
  /** First 4 KiB of the answer; only for keys with the scope `admin`. */
  readonly responseExcerpt: string | null;
  /** Whether it spent one of the webhook's retries. */
  readonly counted: boolean;
}

export interface Delivery {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly event: string;
  readonly sequence: number;
  readonly status: 'pending' | 'success' | 'failed' | 'cancelled';
  readonly attempts: number;
  readonly createdAt: string;
  readonly expiresAt: string;
  /** Null once it has ended, and while its webhook is disabled. */
  readonly nextAttemptAt: string | null;
  readonly endedAt: string | null;
  /** Why it waits, or how it ended. */
  readonly reason: string | null;
  readonly attemptLog: readonly DeliveryAttempt[];
}

/** What a person wants to know of a delivery. */
export interface DeliveryExplanation {
  readonly summary: string;
  readonly nextStep: string;
  /** Sends the same bytes, freshly signed, without the webhook's own headers; null when it cannot be made. */
  readonly curl: string | null;
}

export interface WebhookService {
  list(): Promise<readonly Webhook[]>;
  get(id: string): Promise<Webhook | undefined>;
  /** @throws CodeBuddyError `validation_failed` naming each field, `webhook_exists` */
  create(input: WebhookInput & { readonly id?: string }): Promise<
    {
      readonly webhook: Webhook;
      /** Ids of webhooks that send to the same URL already. */
      readonly sameUrlAs?: readonly string[];
    } & WebhookSecret
  >;
  /** @throws CodeBuddyError `webhook_not_found`, `validation_failed` */
  update(id: string, patch: WebhookInput): Promise<Webhook>;
  /** Cancels what is pending. @throws CodeBuddyError `webhook_not_found` */
  remove(id: string): Promise<void>;
  /** Queues a `webhook.test` event for it alone. @throws CodeBuddyError `webhook_not_found`, `webhook_disabled`, `webhook_refused`, `too_many_tests` */
  test(id: string): Promise<Delivery>;
  /** The old secret signs too for 24 h. @throws CodeBuddyError `webhook_not_found`, `validation_failed` */
  rotateSecret(
    id: string,
    secret?: string,
  ): Promise<WebhookSecret & { readonly previousValidUntil: string | null }>;
  /** Queues events of the log again. @throws CodeBuddyError `webhook_not_found`, `validation_failed`, `replay_running` */
  replay(
    id: string,
    range: {
      readonly after: number | string;
      readonly before?: number | string;
      readonly events?: readonly string[];
    },
  ): Promise<{ readonly queued: number; readonly skipped: number }>;
  /** @throws CodeBuddyError `webhook_not_found` */
  enable(
    id: string,
    options: { readonly replayMissed?: boolean },
  ): Promise<{ readonly webhook: Webhook; readonly queued: number }>;

  listDeliveries(query: {
    readonly limit: number;
    readonly after?: string;
    readonly webhookId?: string;
    readonly status?: Delivery['status'];
    readonly event?: string;
    readonly eventId?: string;
    readonly since?: string;
  }): Promise<Page<Delivery>>;
  getDelivery(id: string): Promise<(Delivery & { readonly explanation: DeliveryExplanation }) | undefined>;
  /** @throws CodeBuddyError `delivery_not_found`, `delivery_pending`, `webhook_not_found` */
  retry(id: string): Promise<Delivery>;
  /** Queues failed deliveries again. */
  retryFailed(filter: {
    readonly webhookId?: string;
    readonly event?: string;
    readonly since?: string;
  }): Promise<{ readonly queued: number }>;
  /** Deletes ended deliveries. */
  clearHistory(filter: { readonly webhookId?: string }): Promise<{ readonly deleted: number }>;

  /** A webhook for one run, made before it starts; gone when the run and its deliveries have ended. */
  createForRun(
    runId: string,
    input: { readonly url: string; readonly events?: readonly string[]; readonly secret?: string },
  ): Promise<{ readonly id: string }>;
  /** The run did not start after all. */
  dropForRun(runId: string): Promise<void>;
  stats(): Promise<WebhookStats>;
  /** Names of the copies of webhooks.json that could not be used. */
  setAside?(): readonly string[];
}

/** Counters since the start, and what is now. */
export interface WebhookStats {
  readonly emitted: number;
  readonly delivered: number;
  readonly failed: number;
  readonly retried: number;
  readonly inFlight: number;
  readonly pending: number;
  readonly oldestPendingAgeMs: number;
  /** Failed deliveries in the history. */
  readonly failedInHistory: number;
  /** Webhooks whose entries in webhooks.json cannot be used now. */
  readonly refused?: number;
  /** By outcome: upper bounds in seconds with how many attempts took no longer, the sum in seconds, and the count. */
  readonly latency: Readonly<
    Record<
      string,
      {
        readonly buckets: readonly (readonly [number, number])[];
        readonly sum: number;
        readonly count: number;
      }
    >
  >;
}
