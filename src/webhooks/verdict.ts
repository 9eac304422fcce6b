// Judges the result of a request: its consequences for the delivery and for its webhook. A pure function.

import { maskUrl } from '../base/redaction.ts';
import { parseRetryAfter } from '../base/retry-after.ts';
import type { FailureReason, TransportResult } from './transport-result.ts';
import type { FailureSign } from './webhook-health.ts';

/** The outcome of an attempt. */
export type Outcome =
  | 'success'
  | 'http_error'
  | 'redirect_refused'
  | 'gone'
  | 'rate_limited'
  | 'aborted'
  | FailureReason;

export interface Verdict {
  readonly outcome: Outcome;
  /** In words; null for a success. */
  readonly message: string | null;
  /** True if it spends one of the delivery's attempts. */
  readonly counts: boolean;
  /**
   * `success`, `failed`: the delivery has ended. `retry`; `retry_few`: with fewer attempts. `wait`: after the pause
   * that the receiver asked for. `later`: nothing was sent because of this machine, so it is as if the delivery had
   * never started.
   */
  readonly next: 'success' | 'failed' | 'retry' | 'retry_few' | 'wait' | 'later';
  /** The state of the receiver that it shows; `unknown` with `later`. */
  readonly sign: FailureSign | 'unknown';
  /** No byte of the request was sent. */
  readonly isUnsent?: true;
  /** The whole webhook pauses for this long, in ms. */
  readonly pauseMs?: number;
  /** The webhook is to be disabled for this reason. */
  readonly disable?: 'gone' | 'receiver_asked';
  /** 401 or 403: the receiver may know only the previous secret. */
  readonly isUnauthorized?: true;
  /** The receiver is overloaded: halve the number of requests at once. */
  readonly slowDown?: true;
}

const few: ReadonlySet<number> = new Set([400, 405, 413, 414, 415, 422, 501]);
/** Faults on this machine that affect one target only. */
const targetFaults: ReadonlySet<FailureReason> = new Set([
  'network_unreachable',
  'proxy_failed',
  'client_certificate_unusable',
]);
/** Failures before the first byte of the request. */
const unsentFaults: ReadonlySet<FailureReason> = new Set([
  'connect_timeout',
  'connection_refused',
  'name_not_found',
  'name_timeout',
  'name_failed',
  'certificate_invalid',
  'tls_failed',
  'http2_only',
  'target_refused',
]);
const pauseWithoutHeaderMs = 60_000;

/** `now`: the wall clock in Unix ms, for a `Retry-After` that is a date. */
export function judge(result: TransportResult, now: number): Verdict {
  if (result.kind === 'failure') {
    const { reason, message } = result;
    if (reason === 'local_fault' || targetFaults.has(reason))
      return { outcome: reason, message, counts: false, next: 'later', sign: 'unknown', isUnsent: true };
    return {
      outcome: reason,
      message,
      counts: true,
      next: 'retry',
      sign: reason === 'connection_refused' ? 'refused' : 'down',
      ...(unsentFaults.has(reason) ? { isUnsent: true as const } : {}),
    };
  }
  const { statusCode, headers } = result;
  const control = headers.deliveryControl?.toLowerCase();
  const asked = control === 'disable' ? { disable: 'receiver_asked' as const } : {};

  if (statusCode >= 200 && statusCode < 300) {
    return { outcome: 'success', message: null, counts: true, next: 'success', sign: 'alive', ...asked };
  }
  const status = `Answered ${statusCode}`;
  if (control === 'abort-message') {
    const message = `${status} and asked to abort this delivery (webhook-delivery: abort-message)`;
    return { outcome: 'aborted', message, counts: true, next: 'failed', sign: 'alive' };
  }
  if (statusCode === 410) {
    return {
      outcome: 'gone',
      message: `${status} (gone): the receiver wants no more deliveries`,
      counts: true,
      next: 'retry',
      sign: 'alive',
      disable: 'gone',
    };
  }
  if (statusCode >= 300 && statusCode < 400) {
    const to = headers.location === undefined ? '' : ` to ${shownTarget(headers.location)}`;
    const message = `${status}, a redirect${to}; redirects are not followed, set the webhook's url to the new address`;
    return { outcome: 'redirect_refused', message, counts: true, next: 'retry', sign: 'alive', ...asked };
  }
  const pauseMs = pauseOf(headers.retryAfter, now);
  if (statusCode === 429) {
    return {
      outcome: 'rate_limited',
      message: `${status} (too many requests)`,
      counts: false,
      next: 'wait',
      sign: 'alive',
      pauseMs: pauseMs ?? pauseWithoutHeaderMs,
      ...asked,
    };
  }
  return {
    outcome: 'http_error',
    message: status,
    counts: true,
    next: few.has(statusCode) ? 'retry_few' : 'retry',
    // A 4xx answer proves that the receiver is alive.
    sign: statusCode < 500 ? 'alive' : 'down',
    ...(statusCode === 503 && pauseMs !== undefined ? { pauseMs } : {}),
    ...(statusCode === 401 || statusCode === 403 ? { isUnauthorized: true as const } : {}),
    ...(statusCode === 502 || statusCode === 504 ? { slowDown: true as const } : {}),
    ...asked,
  };
}

/**
 * Without its path: a receiver may echo the secret part of the webhook's URL. The attempt's `location` has the whole.
 */
function shownTarget(location: string): string {
  return URL.canParse(location) ? maskUrl(location) : 'another path';
}

/** The pause that a receiver asks for, in ms; at least 1 s, at most 24 h. */
function pauseOf(retryAfter: string | undefined, now: number): number | undefined {
  const ms = parseRetryAfter(retryAfter, now);
  return ms === undefined ? undefined : Math.min(Math.max(ms, 1000), 24 * 60 * 60 * 1000);
}
