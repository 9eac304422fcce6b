// How a webhook fares: its breaker, its pauses, how many requests it may have at once, and whether it has failed for so long that it is
// disabled. What must survive a restart is plain data; everything here is a function of that data, an outcome and a time.

/** Kept in the store. Times in Unix ms of the delivery clock. */
export interface WebhookMemory {
  /** Failures in a row. */
  readonly failures: number;
  readonly failingSince: number | null;
  /** `webhook.failing` was emitted. */
  readonly failingTold: boolean;
  /** The breaker is open: nothing but one probe at a time, not before this time. */
  readonly openUntil: number | null;
  /** How often in a row it has opened. */
  readonly openLevel: number;
  readonly pausedUntil: number | null;
  readonly disabledAt: number | null;
  readonly disabledReason: string | null;
  /** webhooks.json says so too: if it says otherwise later, somebody enabled the webhook there. */
  readonly disabledInFile: boolean;
  /** Events after this sequence were not queued while it was disabled. */
  readonly missedAfter: number | null;
  /** Secrets that still sign until their time, newest first. */
  readonly previousSecrets: readonly { readonly secret: string; readonly until: number }[];
  /** The receiver knows the previous secret only: the first version's headers are swapped. */
  readonly swapLegacy: boolean;
}

export const freshMemory: WebhookMemory = {
  failures: 0,
  failingSince: null,
  failingTold: false,
  openUntil: null,
  openLevel: 0,
  pausedUntil: null,
  disabledAt: null,
  disabledReason: null,
  disabledInFile: true,
  missedAfter: null,
  previousSecrets: [],
  swapLegacy: false,
};

const failuresToOpen = 5;
const firstOpenMs = 30_000;
const longestOpenMs = 600_000;
/** How long an old secret signs too. */
export const graceOfSecretMs = 24 * 60 * 60 * 1000;
/** The longest that a `Retry-After` is followed. */
const longestPauseMs = 24 * 60 * 60 * 1000;
const failingAfterMs = 60 * 60 * 1000;
const disableAfterMs = 5 * 24 * 60 * 60 * 1000;
const disableAfterFailures = 20;

export type HealthChange = 'failing' | 'recovered' | 'disable';

/** After a failure that counts. `random` is from 0 to 1. */
export function afterFailure(
  memory: WebhookMemory,
  now: number,
  random: number,
): { readonly memory: WebhookMemory; readonly change: HealthChange | undefined } {
  const failures = memory.failures + 1;
  const failingSince = memory.failingSince ?? now;
  const lasted = now - failingSince;
  let { openUntil, openLevel } = memory;
  // A probe's failure opens it anew, for longer; those that were under way when it opened change nothing.
  if (failures >= failuresToOpen && (openUntil === null || openUntil <= now)) {
    openUntil =
      now + Math.round(Math.min(firstOpenMs * 2 ** openLevel, longestOpenMs) * (0.8 + 0.4 * random));
    openLevel = Math.min(openLevel + 1, 10);
  }
  const tellFailing = !memory.failingTold && lasted >= failingAfterMs;
  return {
    memory: {
      ...memory,
      failures,
      failingSince,
      openUntil,
      openLevel,
      failingTold: memory.failingTold || tellFailing,
    },
    change:
      lasted >= disableAfterMs && failures >= disableAfterFailures
        ? 'disable'
        : tellFailing
          ? 'failing'
          : undefined,
  };
}

/** After a success; the same object if nothing was wrong. */
export function afterSuccess(memory: WebhookMemory): {
  readonly memory: WebhookMemory;
  readonly change: HealthChange | undefined;
} {
  if (memory.failures === 0 && memory.openLevel === 0) return { memory, change: undefined };
  return {
    memory: {
      ...memory,
      failures: 0,
      failingSince: null,
      failingTold: false,
      openUntil: null,
      openLevel: 0,
    },
    change: memory.failingTold ? 'recovered' : undefined,
  };
}

/**
 * A row of the store; what a later or earlier release wrote is taken as far as it is known. Times that cannot be, since the clock was ahead when
 * they were written, are cut to the longest that they could be: a webhook must not pause for years.
 */
export function readMemory(text: string, now: number): WebhookMemory {
  const stored: unknown = JSON.parse(text);
  const memory: WebhookMemory = { ...freshMemory, ...(typeof stored === 'object' ? stored : {}) };
  const atMost = (time: number | null, limit: number): number | null =>
    time === null ? null : Math.min(time, limit);
  return {
    ...memory,
    failingSince: atMost(memory.failingSince, now),
    disabledAt: atMost(memory.disabledAt, now),
    openUntil: atMost(memory.openUntil, now + longestOpenMs * 1.2),
    pausedUntil: atMost(memory.pausedUntil, now + longestPauseMs),
    previousSecrets: memory.previousSecrets.map(({ secret, until }) => ({
      secret,
      until: Math.min(until, now + graceOfSecretMs),
    })),
  };
}
