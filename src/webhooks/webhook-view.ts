// Webhooks and deliveries as they are shown to people and programs: no secret, and the state in words.

import type { Delivery, DeliveryAttempt } from '../contract/delivery.ts';
import type { Webhook, WebhookState } from '../contract/webhook.ts';
import { shownPast, shownPastText } from '../events/shown-time.ts';
import type { DeliveryWithAttempts } from '../store/delivery-store.ts';
import { maskHeaders } from './header-rules.ts';
import type { Lane } from './lane.ts';
import { nextAttemptOf } from './next-attempt.ts';
import { lifetimeMs } from './retry-policy.ts';
import { publicKeyOf } from './signing.ts';

/** The delivery clock, which rows are kept in, and the wall clock, which people go by. */
export interface ShownTimes {
  readonly now: number;
  readonly wall: number;
}

export function viewWebhook(lane: Lane, times: ShownTimes, missed: number): Webhook {
  const { secret, headers, ...config } = lane.config;
  return {
    ...config,
    // What is refused may be refused for this.
    url: config.url.replace(/^([^/?#]*\/\/)[^/?#]*@/, '$1***@'),
    enabled: lane.isEnabled,
    headers: maskHeaders(headers),
    signed: secret !== undefined,
    publicKey: secret === undefined ? null : publicKeyOf(secret),
    runId: lane.runId ?? null,
    state: viewState(lane, times, missed),
  };
}

function viewState(lane: Lane, times: ShownTimes, missed: number): WebhookState {
  const { now, wall } = times;
  const past = (time: number | null): string | null => (time === null ? null : shownPast(time, wall));
  const { failures, failingSince, pausedUntil, openUntil, disabledAt, disabledReason } = lane.memory;
  const shut = lane.isEnabled ? lane.shutUntil(now) : undefined;
  const nextProbeAt = shut === undefined ? null : shownDue(shut, times);
  const figures = {
    pending: lane.pending,
    inFlight: lane.inFlight,
    failures,
    failingSince: past(failingSince),
    lastSuccessAt: past(lane.lastSuccessAt ?? null),
    pausedUntil: pausedUntil !== null && pausedUntil > now ? shownDue(pausedUntil, times) : null,
    nextProbeAt,
    disabledAt: past(disabledAt),
    disabledReason,
    missed,
  };
  const next = nextProbeAt === null ? 'one is due now' : `the next one at ${nextProbeAt}`;
  if (lane.refusal !== undefined) {
    const where =
      lane.runId === undefined
        ? 'It stays in webhooks.json as it is. Correct it there or with an update, or allow what it needs'
        : 'Allow what it needs and restart, or remove it';
    const detail = `Refused: ${lane.refusal}. ${where}; ${lane.pending} deliveries wait.`;
    return { status: 'refused', detail, ...figures };
  }
  if (!lane.isEnabled) {
    const why = disabledWords[disabledReason ?? 'by_hand'] ?? 'it is disabled';
    const detail = `Disabled: ${why}. ${missed} events were missed since; enable it with replayMissed to get them.`;
    return { status: 'disabled', detail, ...figures };
  }
  if (figures.pausedUntil !== null) {
    const detail = `The receiver asked for a pause until ${figures.pausedUntil}; deliveries wait and lose no attempts.`;
    return { status: 'paused', detail, ...figures };
  }
  if (lane.blocked !== undefined) {
    const { message, since } = lane.blocked;
    const detail = `This machine has not been able to reach the target since ${past(since)}: ${message}. One request at a time is tried, ${next}; deliveries wait and lose no attempts.`;
    return { status: 'unreachable', detail, ...figures };
  }
  if (openUntil !== null) {
    const why = failures === 0 ? 'Not tried yet' : `${failures} failures in a row`;
    const detail = `${why}: one request at a time is tried, ${next}; the other deliveries wait and lose no attempts. If it works again, run codebuddy webhooks enable ${lane.id}.`;
    return { status: 'open', detail, ...figures };
  }
  if (failures > 0) {
    return { status: 'failing', detail: `The last ${failures} attempts failed.`, ...figures };
  }
  return { status: 'healthy', detail: 'Deliveries are sent as they come.', ...figures };
}

const disabledWords: Readonly<Record<string, string>> = {
  by_hand: 'it was switched off',
  gone: 'its receiver answered 410 (gone)',
  receiver_asked: 'its receiver asked for it (webhook-delivery: disable)',
  failing: 'it had only failures for five days',
};

/** `lane`: of its webhook; undefined if that was removed. */
export function viewDelivery(row: DeliveryWithAttempts, lane: Lane | undefined, times: ShownTimes): Delivery {
  const { now, wall } = times;
  const next = row.status === 'pending' ? nextAttemptOf(row, lane, now) : undefined;
  return {
    id: row.id,
    webhookId: row.webhookId,
    eventId: row.eventId,
    event: row.eventType,
    sequence: row.sequence,
    status: row.status,
    attempts: row.attempts,
    createdAt: shownPast(row.createdAt, wall),
    // It cannot have more time left than a new one.
    expiresAt: shownDue(Math.min(row.expiresAt, times.now + lifetimeMs), times),
    nextAttemptAt: next === undefined ? null : shownDue(next, times),
    endedAt: row.endedAt === null ? null : shownPast(row.endedAt, wall),
    reason: row.reason,
    attemptLog: (JSON.parse(row.attemptLog) as readonly DeliveryAttempt[]).map((attempt) =>
      viewAttempt(attempt, wall),
    ),
  };
}

/** Attempts that older releases stored have no `location`. */
function viewAttempt({ location = null, ...attempt }: DeliveryAttempt, wall: number): DeliveryAttempt {
  return { ...attempt, at: shownPastText(attempt.at, wall), location };
}

/** When something is due, by the wall clock: as far away as it is by the delivery clock, which a jump may have put ahead. */
export function shownDue(time: number, { now, wall }: ShownTimes): string {
  return time > now ? new Date(wall + (time - now)).toISOString() : shownPast(time, wall);
}
