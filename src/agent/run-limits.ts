// The limits of runs: how many the server accepts, and how long each may work.

export interface RunLimits {
  /** Runs that work at the same time. A run waiting for approval does not count. @default 8 */
  readonly maxActive: number;
  /** Queued runs of one session. @default 16 */
  readonly maxQueuedPerSession: number;
  /** Queued runs of one API key. @default 128 */
  readonly maxQueuedPerKey: number;
  /** Queued runs in all. @default 256 */
  readonly maxQueued: number;
  /**
   * Runs of one API key that may wait for approval. At the limit, no further run of the key is accepted or started;
   * runs that already work may still begin to wait.
   * @default 64
   */
  readonly maxWaitingPerKey: number;
  /** Runs that may wait for approval in all. @default 256 */
  readonly maxWaiting: number;
  /** Time limit in ms of a run without `timeoutMs`; time spent waiting for approval does not count. @default 600_000 */
  readonly defaultTimeoutMs: number;
}

/** The prompts that API keys may send per minute. */
export interface PromptRates {
  /** Counts a prompt. Returns a function that gives it back. @throws CodeBuddyError `key_limit_reached` */
  take(keyId: string): () => void;
}

export const defaultRunLimits: RunLimits = {
  maxActive: 8,
  maxQueuedPerSession: 16,
  maxQueuedPerKey: 128,
  maxQueued: 256,
  maxWaitingPerKey: 64,
  maxWaiting: 256,
  defaultTimeoutMs: 600_000,
};
