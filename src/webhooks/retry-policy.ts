// Decides when a delivery is retried and when it has failed for good. Pure functions of a verdict, a time and a random
// number.

import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Verdict } from './verdict.ts';

/** The longest wait before a retry, without its jitter. */
const maxDelayMs = 12 * 60 * 60 * 1000;
/** The longest wait before a retry, with its jitter. */
export const longestWaitMs = maxDelayMs * 1.25;
/** A delivery fails for good after this time. */
export const lifetimeMs = 96 * 60 * 60 * 1000;
/** Attempts for answers such as 400, which the next attempt will hardly change. */
const fewAttempts = 5;
/** Limit of pauses after a 429 for one delivery. */
const maxPauses = 24;

/**
 * Milliseconds before retry `n` (from 1): `retryDelay · 2^(n-1)`, at most 12 h, ±25 %. `random` is from 0 to 1. With
 * the default configuration all retries together take about 78 hours.
 */
export function retryDelayMs(n: number, retryDelay: number, random: number): number {
  // 2^40 ms are 34 years: above any cap, and far from overflow.
  const delay = Math.min(retryDelay * 2 ** Math.min(n - 1, 40), maxDelayMs);
  return Math.round(delay * (0.75 + 0.5 * random));
}

export type Next =
  | { readonly kind: 'ended'; readonly status: 'success' | 'failed'; readonly reason: string | null }
  | { readonly kind: 'again'; readonly at: number; readonly reason: string };

export interface NextOptions {
  readonly retryCount: number;
  readonly retryDelay: number;
  /** Unix ms of the delivery clock. */
  readonly now: number;
  /** As `now`, but without jumps of the clock: decides whether the delivery has expired. */
  readonly patient: number;
  /** 0 to 1. */
  readonly random: number;
}

/** Decides what happens to a delivery after an attempt. `delivery` includes the attempt in its counts. */
export function decideNext(
  delivery: Pick<DeliveryRow, 'attempts' | 'pauses' | 'expiresAt'>,
  verdict: Verdict,
  { retryCount, retryDelay, now, patient, random }: NextOptions,
): Next {
  if (verdict.next === 'success') return { kind: 'ended', status: 'success', reason: null };
  if (verdict.next === 'failed') return { kind: 'ended', status: 'failed', reason: verdict.outcome };
  const most = verdict.next === 'retry_few' ? Math.min(retryCount + 1, fewAttempts) : retryCount + 1;
  if (delivery.attempts >= most || delivery.pauses > maxPauses)
    return { kind: 'ended', status: 'failed', reason: verdict.outcome };
  if (patient >= delivery.expiresAt) return { kind: 'ended', status: 'failed', reason: 'expired' };
  const delay =
    verdict.next === 'wait'
      ? (verdict.pauseMs ?? retryDelay)
      : Math.max(retryDelayMs(Math.max(delivery.attempts, 1), retryDelay, random), verdict.pauseMs ?? 0);
  // One last try before it expires. The time left is measured without jumps of the clock.
  const left = delivery.expiresAt - patient - 1000;
  const at = now + Math.max(Math.min(delay, left), 0);
  return { kind: 'again', at, reason: verdict.outcome };
}
