// The state of a webhook that survives a restart: everything that changes by itself, unlike the configuration. The
// store keeps it as JSON text. Only the functions of webhook-health.ts and the engine change it; `Lane` holds the
// current value.

/** Times in Unix ms of the delivery clock. */
export interface SavedState {
  /** Consecutive failures. */
  readonly failures: number;
  /** Consecutive failures that indicate that the receiver is down: no connection, no answer in time, 5xx. */
  readonly strikes: number;
  readonly failingSince: number | null;
  /** True once `webhook.failing` was emitted. */
  readonly failingTold: boolean;
  /** Set while the breaker is open: one probe at a time is sent, none before this time. */
  readonly openUntil: number | null;
  /** The number of times in a row that the breaker has opened. */
  readonly openLevel: number;
  /** When the breaker first opened; null while it is closed. */
  readonly openedAt: number | null;
  readonly pausedUntil: number | null;
  readonly disabledAt: number | null;
  readonly disabledReason: string | null;
  /**
   * True if webhooks.json says `enabled: false` too. If the file later says `true`, a user enabled the webhook there.
   */
  readonly disabledInFile: boolean;
  /** While the webhook is disabled: events after this sequence are counted as missed, not queued. */
  readonly missedAfter: number | null;
  /** Rotated secrets that still sign until `until` (wall clock), newest first. */
  readonly previousSecrets: readonly { readonly secret: string; readonly until: number }[];
  /** True if the receiver knows only the previous secret: the headers of the first version are swapped. */
  readonly swapLegacy: boolean;
}

export const newState: SavedState = {
  failures: 0,
  strikes: 0,
  failingSince: null,
  failingTold: false,
  openUntil: null,
  openLevel: 0,
  openedAt: null,
  pausedUntil: null,
  disabledAt: null,
  disabledReason: null,
  disabledInFile: true,
  missedAfter: null,
  previousSecrets: [],
  swapLegacy: false,
};

/** How long a rotated secret keeps signing. */
export const graceOfSecretMs = 24 * 60 * 60 * 1000;
/** A `Retry-After` is followed for at most this long. */
const longestPauseMs = 24 * 60 * 60 * 1000;

/**
 * Read a state from the store. Fields of other releases are ignored, missing ones get their default. Times too far in
 * the future, written while the clock was ahead, are capped: otherwise a webhook could pause for years.
 *
 * @throws SyntaxError if `text` is not JSON
 */
export function readState(text: string, now: number): SavedState {
  const stored: unknown = JSON.parse(text);
  const state: SavedState = { ...newState, ...(typeof stored === 'object' ? stored : {}) };
  const atMost = (time: number | null, limit: number): number | null =>
    time === null ? null : Math.min(time, limit);
  return {
    ...state,
    failingSince: atMost(state.failingSince, now),
    disabledAt: atMost(state.disabledAt, now),
    // Probe right after a start: the receiver may have come back while this process was down.
    openUntil: state.openUntil === null ? null : now,
    openLevel: 0,
    openedAt: state.openUntil === null ? null : atMost(state.openedAt, now),
    pausedUntil: atMost(state.pausedUntil, now + longestPauseMs),
    previousSecrets: state.previousSecrets.map(({ secret, until }) => ({
      secret,
      until: Math.min(until, now + graceOfSecretMs),
    })),
  };
}

/** Not every probe of a webhook that stays down is written: there is one every few seconds. */
export function isWorthSaving(before: SavedState, after: SavedState): boolean {
  return after.failures <= 32 || after.failures % 16 === 0 || after.failingTold !== before.failingTold;
}
