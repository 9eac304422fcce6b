// How a webhook fares: its breaker, its pauses, how many requests it may have at once, and whether it has failed for so long that it is
// disabled. What must survive a restart is plain data; everything here is a function of that data, an outcome and a time.

/** Kept in the store. Times in Unix ms of the delivery clock. */
export interface WebhookMemory {
  /** Failures in a row. */
  readonly failures: number;
  /** Failures in a row that say that the receiver is down: no connection, no answer in time, 5xx. */
  readonly strikes: number;
  readonly failingSince: number | null;
  /** `webhook.failing` was emitted. */
  readonly failingTold: boolean;
  /** The breaker is open: nothing but one probe at a time, not before this time. */
  readonly openUntil: number | null;
  /** How often in a row it has opened. */
  readonly openLevel: number;
  /** When it opened first; null while it is closed. */
  readonly openedAt: number | null;
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

const strikesToOpen = 5;
const firstOpenMs = 1000;
const longestOpenMs = 60_000;
/** A refused connection costs nobody anything, so it is probed more often at first. */
const longestOpenRefusedMs = 5000;
const refusedMattersForMs = 60 * 60 * 1000;
/** How long an old secret signs too. */
export const graceOfSecretMs = 24 * 60 * 60 * 1000;
/** The longest that a `Retry-After` is followed. */
const longestPauseMs = 24 * 60 * 60 * 1000;
const failingAfterMs = 60 * 60 * 1000;
const disableAfterMs = 5 * 24 * 60 * 60 * 1000;
const disableAfterFailures = 20;

export type HealthChange = 'failing' | 'recovered' | 'disable';

/** What a failure says about the receiver: it answers, it is down, or nothing listens on its port. */
export type FailureSign = 'alive' | 'down' | 'refused';

/** After a failure that counts. `random` is from 0 to 1. */
export function afterFailure(
  memory: WebhookMemory,
  now: number,
  random: number,
  sign: FailureSign = 'down',
): { readonly memory: WebhookMemory; readonly change: HealthChange | undefined } {
  const failures = memory.failures + 1;
  const failingSince = memory.failingSince ?? now;
  const lasted = now - failingSince;
  const tellFailing = !memory.failingTold && lasted >= failingAfterMs;
  return {
    memory: {
      ...memory,
      ...(sign === 'alive' ? closedBreaker : strike(memory, now, random, sign)),
      failures,
      failingSince,
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

type Breaker = Pick<WebhookMemory, 'strikes' | 'openUntil' | 'openLevel' | 'openedAt'>;

const closedBreaker: Breaker = { strikes: 0, openUntil: null, openLevel: 0, openedAt: null };

function strike(memory: Breaker, now: number, random: number, sign: 'down' | 'refused'): Breaker {
  const strikes = memory.strikes + 1;
  const { openUntil, openLevel } = memory;
  // A failed probe opens it anew, for longer; requests that were in flight when it opened change nothing.
  const opens = openUntil === null ? strikes >= strikesToOpen : openUntil <= now;
  if (!opens) return { strikes, openUntil, openLevel, openedAt: memory.openedAt };
  const openedAt = memory.openedAt ?? now;
  const longest =
    sign === 'refused' && now - openedAt < refusedMattersForMs ? longestOpenRefusedMs : longestOpenMs;
  const wait = Math.min(firstOpenMs * 2 ** openLevel, longest) * (0.8 + 0.4 * random);
  return {
    strikes,
    openUntil: now + Math.round(Math.min(wait, longest)),
    openLevel: Math.min(openLevel + 1, 10),
    openedAt,
  };
}

/** After an answer that counts neither as success nor as failure: the receiver lives. The same object if nothing was wrong. */
export function afterAnswer(memory: WebhookMemory): WebhookMemory {
  return memory.strikes === 0 && memory.openUntil === null ? memory : { ...memory, ...closedBreaker };
}

/** After a success; the same object if nothing was wrong. */
export function afterSuccess(memory: WebhookMemory): {
  readonly memory: WebhookMemory;
  readonly change: HealthChange | undefined;
} {
  const { failures, strikes, openUntil, failingTold } = memory;
  if (failures === 0 && strikes === 0 && openUntil === null && !failingTold)
    return { memory, change: undefined };
  return {
    memory: { ...memory, ...closedBreaker, failures: 0, failingSince: null, failingTold: false },
    change: failingTold ? 'recovered' : undefined,
  };
}

/** Someone says that the receiver works again: a probe is due now, and a pause is over. The same object if nothing holds requests back. */
export function readyToProbe(memory: WebhookMemory, now: number): WebhookMemory {
  if (memory.pausedUntil === null && memory.openUntil === null) return memory;
  return {
    ...memory,
    pausedUntil: null,
    openUntil: memory.openUntil === null ? null : now,
    openLevel: 0,
  };
}

/** Another receiver: what the last one did says nothing about it, but it is tried with one request first if the last one was down. */
export function afterNewTarget(memory: WebhookMemory, now: number): WebhookMemory {
  const isDoubtful = memory.strikes > 0 || memory.openUntil !== null;
  return {
    ...memory,
    ...closedBreaker,
    ...(isDoubtful ? { strikes: strikesToOpen - 1, openUntil: now, openedAt: now } : {}),
    failures: 0,
    failingSince: null,
    pausedUntil: null,
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
    // A start probes at once: whatever happened meanwhile, the receiver may be back.
    openUntil: memory.openUntil === null ? null : now,
    openLevel: 0,
    openedAt: memory.openUntil === null ? null : atMost(memory.openedAt, now),
    pausedUntil: atMost(memory.pausedUntil, now + longestPauseMs),
    previousSecrets: memory.previousSecrets.map(({ secret, until }) => ({
      secret,
      until: Math.min(until, now + graceOfSecretMs),
    })),
  };
}
