// Computes a webhook's health from the outcome of an attempt: failures in a row, the breaker, and whether it is
// reported as failing, as recovered, or disabled. Pure functions of the saved state, the outcome and a time.

import type { SavedState } from './saved-state.ts';

const strikesToOpen = 5;
const firstOpenMs = 1000;
const longestOpenMs = 60_000;
/** A refused connection is cheap, so it is probed more often during the first hour. */
const longestOpenRefusedMs = 5000;
const refusedMattersForMs = 60 * 60 * 1000;
const failingAfterMs = 60 * 60 * 1000;
const disableAfterMs = 5 * 24 * 60 * 60 * 1000;
const disableAfterFailures = 20;

export type HealthChange = 'failing' | 'recovered' | 'disable';

/** The state of the receiver that a failure shows: it answered, it is down, or nothing listens on its port. */
export type FailureSign = 'alive' | 'down' | 'refused';

/** The state after a failure that counts. `random` is from 0 to 1. */
export function afterFailure(
  state: SavedState,
  now: number,
  random: number,
  sign: FailureSign = 'down',
): { readonly state: SavedState; readonly change: HealthChange | undefined } {
  const failures = state.failures + 1;
  const failingSince = state.failingSince ?? now;
  const lasted = now - failingSince;
  const tellFailing = !state.failingTold && lasted >= failingAfterMs;
  return {
    state: {
      ...state,
      ...(sign === 'alive' ? closedBreaker : strike(state, now, random, sign)),
      failures,
      failingSince,
      failingTold: state.failingTold || tellFailing,
    },
    change:
      lasted >= disableAfterMs && failures >= disableAfterFailures
        ? 'disable'
        : tellFailing
          ? 'failing'
          : undefined,
  };
}

type Breaker = Pick<SavedState, 'strikes' | 'openUntil' | 'openLevel' | 'openedAt'>;

const closedBreaker: Breaker = { strikes: 0, openUntil: null, openLevel: 0, openedAt: null };

function strike(state: Breaker, now: number, random: number, sign: 'down' | 'refused'): Breaker {
  const strikes = state.strikes + 1;
  const { openUntil, openLevel } = state;
  // A failed probe opens the breaker again, for longer. Requests that were in flight when it opened change nothing.
  const opens = openUntil === null ? strikes >= strikesToOpen : openUntil <= now;
  if (!opens) return { strikes, openUntil, openLevel, openedAt: state.openedAt };
  const openedAt = state.openedAt ?? now;
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

/**
 * The state after an answer that is neither success nor failure: the receiver is alive. The same object if nothing
 * changes.
 */
export function afterAnswer(state: SavedState): SavedState {
  return state.strikes === 0 && state.openUntil === null ? state : { ...state, ...closedBreaker };
}

/** The state after a success. The same object if nothing changes. */
export function afterSuccess(state: SavedState): {
  readonly state: SavedState;
  readonly change: HealthChange | undefined;
} {
  const { failures, strikes, openUntil, failingTold } = state;
  if (failures === 0 && strikes === 0 && openUntil === null && !failingTold)
    return { state, change: undefined };
  return {
    state: { ...state, ...closedBreaker, failures: 0, failingSince: null, failingTold: false },
    change: failingTold ? 'recovered' : undefined,
  };
}

/** The state after a user asks to resume: a pause ends, and a probe is due now. The same object if nothing changes. */
export function readyToProbe(state: SavedState, now: number): SavedState {
  if (state.pausedUntil === null && state.openUntil === null) return state;
  return {
    ...state,
    pausedUntil: null,
    openUntil: state.openUntil === null ? null : now,
    openLevel: 0,
  };
}

/**
 * The state after the URL changed: a new receiver has no failures, but it is probed first if the previous one was down.
 */
export function afterNewTarget(state: SavedState, now: number): SavedState {
  const isDoubtful = state.strikes > 0 || state.openUntil !== null;
  return {
    ...state,
    ...closedBreaker,
    ...(isDoubtful ? { strikes: strikesToOpen - 1, openUntil: now, openedAt: now } : {}),
    failures: 0,
    failingSince: null,
    pausedUntil: null,
  };
}
