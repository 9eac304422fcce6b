// Decides whether a failed request is sent again, and when. Pure.

import { CodeBuddyApiError, CodeBuddyConnectionError, type ConnectionFailure } from './errors.ts';

/** The server refused before it did anything, so any request may be sent again. */
const untouched: ReadonlySet<string> = new Set([
  'key_limit_reached',
  'too_many_tests',
  'too_many_run_webhooks',
  'too_many_runs',
  'too_many_waiting_runs',
  'too_many_connections',
]);
/** Temporary, but the request may have had an effect. */
const temporary: ReadonlySet<string> = new Set([
  'storage_unavailable',
  'node_unavailable',
  'resources_exhausted',
  'shutting_down',
  'idempotency_in_progress',
  'request_timeout',
]);
/** Statuses of proxies and other programs in front of a server that restarts. */
const temporaryStatuses: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
/** No server received the request. */
const unsent: ReadonlySet<ConnectionFailure> = new Set(['not_running', 'refused', 'not_found']);

const firstPauseMs = 500;
const longestPauseMs = 8000;
/** The call fails if `Retry-After` exceeds this. */
const longestRetryAfterMs = 60_000;

/** True if the same request may succeed later. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof CodeBuddyConnectionError) return true;
  if (!(error instanceof CodeBuddyApiError)) return false;
  const { code, status } = error;
  return untouched.has(code) || temporary.has(code) || (code === 'unknown' && temporaryStatuses.has(status));
}

/**
 * Milliseconds until the next attempt; undefined if there is none.
 *
 * @param attempt 0 after the first failure
 * @param isRepeatable the request may be sent again even if the server received it
 * @param random 0 to 1; spreads the attempts of many clients
 */
export function retryPauseMs(
  error: unknown,
  attempt: number,
  isRepeatable: boolean,
  random: number,
): number | undefined {
  if (!isTemporary(error) || !(isRepeatable || hadNoEffect(error))) return undefined;
  // Another program listens at the address, so a retry cannot succeed.
  if (error instanceof CodeBuddyConnectionError && error.reason === 'unproven') return undefined;
  const { retryAfterSeconds } = error instanceof CodeBuddyApiError ? error : {};
  if (retryAfterSeconds === undefined) return backOffMs(firstPauseMs, longestPauseMs, attempt, random);
  const waitMs = retryAfterSeconds * 1000;
  return waitMs > longestRetryAfterMs ? undefined : waitMs + random * firstPauseMs;
}

/** Returns a pause that doubles with each attempt, shortened at random by up to a half. */
export function backOffMs(firstMs: number, longestMs: number, attempt: number, random: number): number {
  return Math.min(longestMs, firstMs * 2 ** attempt) * (0.5 + random / 2);
}

/** True if the server did nothing for the failed request. */
function hadNoEffect(error: unknown): boolean {
  if (error instanceof CodeBuddyConnectionError) return unsent.has(error.reason);
  return error instanceof CodeBuddyApiError && (untouched.has(error.code) || error.status === 429);
}
