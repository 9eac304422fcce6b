// The webhook engine's figures, as Prometheus families and as JSON. Asked for when someone looks, since the engine has to
// look into its store for some of them.

import type { Webhook } from '../../contract/webhook.ts';
import type { WebhookStats } from '../../contract/webhook-stats.ts';
import type { MetricFamily, MetricType, Sample } from './prometheus-text.ts';

/** For `GET /metrics`. */
export function webhookFamilies(stats: WebhookStats): readonly MetricFamily[] {
  return [
    single('codebuddy_webhook_events_emitted_total', 'Events given to the engine.', 'counter', stats.emitted),
    single('codebuddy_webhook_deliveries_delivered_total', 'Delivered.', 'counter', stats.delivered),
    single('codebuddy_webhook_deliveries_failed_total', 'Ended as failed.', 'counter', stats.failed),
    single(
      'codebuddy_webhook_deliveries_retries_total',
      'Attempts after the first.',
      'counter',
      stats.retried,
    ),
    single('codebuddy_webhook_deliveries_in_flight', 'Requests being made.', 'gauge', stats.inFlight),
    single('codebuddy_webhook_deliveries_pending', 'Deliveries that have not ended.', 'gauge', stats.pending),
    single(
      'codebuddy_webhook_oldest_pending_age_seconds',
      'How long the oldest of them has waited.',
      'gauge',
      stats.oldestPendingAgeMs / 1000,
    ),
    {
      name: 'codebuddy_webhook_attempt_duration_seconds',
      help: 'Of one attempt, from looking up the name to the headers of the answer.',
      type: 'histogram',
      samples: Object.entries(stats.latency).flatMap(([outcome, figures]) => durations(outcome, figures)),
    },
  ];
}

const knownStates = ['healthy', 'failing', 'open', 'paused', 'disabled'];

/** How many webhooks are in each state; those in none are there with 0, so that alerts have something to look at. */
export function webhookStates(webhooks: readonly Webhook[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(knownStates.map((state) => [state, 0]));
  for (const { state } of webhooks) counts[state.status] = (counts[state.status] ?? 0) + 1;
  return counts;
}

export function webhookStateFamily(webhooks: readonly Webhook[]): MetricFamily {
  return {
    name: 'codebuddy_webhooks',
    help: 'Webhooks, by state.',
    type: 'gauge',
    samples: Object.entries(webhookStates(webhooks)).map(([state, value]) => ({ labels: { state }, value })),
  };
}

/** For `GET /api/metrics`. */
export function webhookFigures(stats: WebhookStats): Record<string, unknown> {
  const { emitted, delivered, failed, retried, inFlight, pending, oldestPendingAgeMs, latency } = stats;
  return {
    emitted,
    delivered,
    failed,
    retried,
    inFlight,
    pending,
    oldestPendingAgeSeconds: oldestPendingAgeMs / 1000,
    attempts: Object.entries(latency).map(([outcome, { count, sum, buckets }]) => ({
      outcome,
      count,
      totalSeconds: sum,
      buckets: buckets.map(([seconds, atMost]) => ({ seconds, count: atMost })),
    })),
  };
}

function durations(outcome: string, { buckets, sum, count }: WebhookStats['latency'][string]): Sample[] {
  const bucket = (le: string, value: number): Sample => ({
    suffix: '_bucket',
    labels: { outcome, le },
    value,
  });
  return [
    ...buckets
      .filter(([bound]) => Number.isFinite(bound))
      .map(([bound, value]) => bucket(String(bound), value)),
    bucket('+Inf', count),
    { suffix: '_sum', labels: { outcome }, value: sum },
    { suffix: '_count', labels: { outcome }, value: count },
  ];
}

function single(name: string, help: string, type: MetricType, value: number): MetricFamily {
  return { name, help, type, samples: [{ value }] };
}
