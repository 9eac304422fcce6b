// The figures of the webhook engine, for metrics and `GET /api/status`.

/** The durations of attempts. */
export interface Latency {
  /** Upper bounds in seconds, each with the number of attempts that took no longer. */
  readonly buckets: readonly (readonly [number, number])[];
  /** Seconds. */
  readonly sum: number;
  readonly count: number;
}

/** Counters since the start, and current values. */
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
  /** Webhooks whose entries in webhooks.json cannot be used. */
  readonly refused: number;
  /** By the outcome of an attempt. */
  readonly latency: Readonly<Record<string, Latency>>;
}
