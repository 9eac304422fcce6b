// The changes to a delivery after an attempt, or after a decision without one, as they are written to the store.

import type { DeliveryChange, DeliveryRow } from '../store/delivery-store.ts';
import { attemptEntry } from './attempt-entry.ts';
import type { Lane } from './lane.ts';
import { decideNext } from './retry-policy.ts';
import type { TransportResult } from './transport-result.ts';
import type { Verdict } from './verdict.ts';

export interface Attempt {
  readonly lane: Lane;
  readonly delivery: DeliveryRow;
  readonly verdict: Verdict;
  readonly result: TransportResult;
  /** By the wall clock, in Unix ms. */
  readonly sentAt: number;
  /** The header `webhook-signature`; undefined if the request was not signed. */
  readonly signature: string | undefined;
  /** The header `traceparent`; undefined if the delivery belongs to no trace. */
  readonly traceparent?: string | undefined;
}

export interface AttemptTimes {
  /** Unix ms of the delivery clock. */
  readonly now: number;
  /** As `now`, but without jumps of the clock. */
  readonly patient: number;
  /** 0 to 1. */
  readonly random: number;
}

/** After a request. `isSpare`: an early probe that failed spends nothing, and the delivery is due when it was. */
export function changeAfterAttempt(
  { lane, delivery, verdict, result, sentAt, signature, traceparent }: Attempt,
  isSpare: boolean,
  { now, patient, random }: AttemptTimes,
): DeliveryChange {
  const counts = verdict.counts && !isSpare;
  const attempts = delivery.attempts + (counts ? 1 : 0);
  const tries = delivery.tries + 1;
  const pauses = delivery.pauses + (verdict.next === 'wait' ? 1 : 0);
  const { retryCount, retryDelay } = lane.config;
  const next = isSpare
    ? { kind: 'again' as const, at: delivery.nextAttemptAt ?? now, reason: verdict.outcome }
    : decideNext({ attempts, pauses, expiresAt: delivery.expiresAt }, verdict, {
        retryCount,
        retryDelay,
        now,
        patient,
        random,
      });
  return {
    id: delivery.id,
    sequence: delivery.sequence,
    webhookId: delivery.webhookId,
    status: next.kind === 'ended' ? next.status : 'pending',
    attempts,
    tries,
    pauses,
    nextAttemptAt: next.kind === 'again' ? next.at : null,
    endedAt: next.kind === 'ended' ? now : null,
    reason: next.reason,
    attempt: attemptEntry({
      number: tries,
      sentAt,
      verdict: { ...verdict, counts },
      result,
      signature,
      traceparent,
      redactor: lane.redactor,
    }),
  };
}

/** This machine could not reach the target: the delivery waits until `at`, and no attempt is spent. */
export function changeAfterUnreachable(
  { lane, delivery, verdict, result, sentAt, signature, traceparent }: Attempt,
  at: number,
): DeliveryChange {
  const tries = delivery.tries + 1;
  return {
    ...unchanged(delivery),
    status: 'pending',
    tries,
    nextAttemptAt: at,
    endedAt: null,
    reason: verdict.outcome,
    attempt: attemptEntry({
      number: tries,
      sentAt,
      verdict: { ...verdict, counts: false },
      result,
      signature,
      traceparent,
      redactor: lane.redactor,
    }),
  };
}

/** The delivery was not delivered within its lifetime. Nothing was sent. */
export function changeToExpired(delivery: DeliveryRow, now: number): DeliveryChange {
  return {
    ...unchanged(delivery),
    status: 'failed',
    nextAttemptAt: null,
    endedAt: now,
    reason: 'expired',
  };
}

function unchanged({ id, sequence, webhookId, attempts, tries, pauses }: DeliveryRow) {
  return { id, sequence, webhookId, attempts, tries, pauses };
}
