// Shows webhooks and deliveries to people and programs: without secrets, and with the state in words.

import type { Delivery, DeliveryAttempt } from '../contract/delivery.ts';
import type { Webhook, WebhookState } from '../contract/webhook.ts';
import { shownPast, shownPastText } from '../events/shown-time.ts';
import type { DeliveryWithAttempts } from '../store/delivery-store.ts';
import { maskHeaders } from './header-rules.ts';
import type { Lane } from './lane.ts';
import { nextAttemptOf } from './next-attempt.ts';
import { lifetimeMs } from './retry-policy.ts';
import { publicKeyOf } from './signing.ts';

/** The delivery clock, which stored times use, and the wall clock, which people use. Unix ms. */
export interface ShownTimes {
  readonly now: number;
  readonly wall: number;
}

interface ViewOptions {
  /** Events that the webhook missed while it is disabled. */
  readonly missed: number;
  /** Its entry is in webhooks.json, not in the database. */
  readonly hasFile: boolean;
}

export function viewWebhook(lane: Lane, times: ShownTimes, options: ViewOptions): Webhook {
  const { secret, headers, ...config } = lane.config;
  return {
    ...config,
    // The configuration may be refused because of a password in its URL.
    url: config.url.replace(/^([^/?#]*\/\/)[^/?#]*@/, '$1***@'),
    enabled: lane.isEnabled,
    headers: maskHeaders(headers),
    signed: secret !== undefined,
    publicKey: secret === undefined ? null : publicKeyOf(secret),
    runId: lane.runId ?? null,
    state: viewState(lane, times, options),
  };
}

function viewState(lane: Lane, times: ShownTimes, { missed, hasFile }: ViewOptions): WebhookState {
  const { now, wall } = times;
  const past = (time: number | null): string | null => (time === null ? null : shownPast(time, wall));
  const { failures, failingSince, pausedUntil, openUntil, disabledAt, disabledReason } = lane.state;
  const shut = lane.isEnabled ? lane.shutUntil(now) : undefined;
  const nextProbeAt = shut === undefined ? null : shownDue(shut, times);
  const figures = {
    pending: lane.queue.pending,
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
  const next = nextProbeAt === null ? 'now' : `at ${nextProbeAt}`;
  if (lane.refusal !== undefined) {
    const where =
      lane.runId === undefined
        ? hasFile
          ? 'Its entry stays in webhooks.json as it is: correct it there or with an update, or allow its target.'
          : 'Its entry stays in the database as it is: correct it with an update, or allow its target on every node.'
        : 'Allow its target and restart the server, or remove the webhook.';
    const detail = `Refused: ${lane.refusal}. ${where} Pending deliveries: ${lane.queue.pending}.`;
    return { status: 'refused', detail, ...figures };
  }
  if (!lane.isEnabled) {
    const why = disabledWords[disabledReason ?? 'by_hand'] ?? disabledReason;
    const detail = `Disabled: ${why}. Events missed since then: ${missed}. To receive them, enable the webhook with replayMissed.`;
    return { status: 'disabled', detail, ...figures };
  }
  if (figures.pausedUntil !== null) {
    const detail = `The receiver asked for a pause until ${figures.pausedUntil}. Deliveries wait without losing attempts.`;
    return { status: 'paused', detail, ...figures };
  }
  if (lane.unreachable !== undefined) {
    const { message, since } = lane.unreachable;
    const detail = `This machine has not been able to reach the target since ${past(since)}: ${message}. One request at a time is sent, the next ${next}; deliveries wait without losing attempts.`;
    return { status: 'unreachable', detail, ...figures };
  }
  if (openUntil !== null) {
    const why = failures === 0 ? 'Not tried yet' : lastFailed(failures);
    const detail = `${why}. One request at a time is sent, the next ${next}; the other deliveries wait without losing attempts. If the receiver works again, run: codebuddy webhooks enable ${lane.id}`;
    return { status: 'open', detail, ...figures };
  }
  if (failures > 0) {
    return { status: 'failing', detail: `${lastFailed(failures)}.`, ...figures };
  }
  return { status: 'healthy', detail: 'Deliveries are sent at once.', ...figures };
}

function lastFailed(failures: number): string {
  return failures === 1 ? 'The last attempt failed' : `The last ${failures} attempts failed`;
}

const disabledWords: Readonly<Record<string, string>> = {
  by_hand: 'a user disabled the webhook',
  gone: 'its receiver answered 410 (gone)',
  receiver_asked: 'its receiver asked for it (webhook-delivery: disable)',
  failing: 'all attempts failed for five days',
};

/** `lane`: its webhook; undefined if it was removed. */
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
    // An old clock may have set it later: no delivery has more time left than a new one.
    expiresAt: shownDue(Math.min(row.expiresAt, times.now + lifetimeMs), times),
    nextAttemptAt: next === undefined ? null : shownDue(next, times),
    endedAt: row.endedAt === null ? null : shownPast(row.endedAt, wall),
    reason: row.reason,
    attemptLog: (JSON.parse(row.attemptLog) as readonly DeliveryAttempt[]).map((attempt) =>
      viewAttempt(attempt, wall),
    ),
  };
}

/** Attempts stored by older releases have no `location`, `responseHeaders` and `signature`. */
function viewAttempt(
  { location = null, responseHeaders = {}, signature = null, ...attempt }: DeliveryAttempt,
  wall: number,
): DeliveryAttempt {
  return { ...attempt, at: shownPastText(attempt.at, wall), location, responseHeaders, signature };
}

/** A due time by the wall clock: as far away as it is by the delivery clock, which may be ahead of it after a jump. */
export function shownDue(time: number, { now, wall }: ShownTimes): string {
  return time > now ? new Date(wall + (time - now)).toISOString() : shownPast(time, wall);
}
