// Metrics of webhooks, for Prometheus and as JSON. Read on request, because the engine has to query its store for some
// of them.

import { type Webhook, webhookStatuses } from '../../contract/webhook.ts';
import type { WebhookStats } from '../../contract/webhook-stats.ts';
import type { MetricFamily, MetricType, Sample } from './prometheus-text.ts';

/** Metrics of deliveries for `GET /metrics`. */
export function webhookFamilies(stats: WebhookStats): readonly MetricFamily[] {
  return [
    single(
      'codebuddy_webhook_events_emitted_total',
      'Events passed to the webhook engine.',
      'counter',
      stats.emitted,
    ),
    single(
      'codebuddy_webhook_deliveries_delivered_total',
      'Successful deliveries.',
      'counter',
      stats.delivered,
    ),
    single('codebuddy_webhook_deliveries_failed_total', 'Failed deliveries.', 'counter', stats.failed),
    single(
      'codebuddy_webhook_deliveries_retries_total',
      'Retries: attempts after the first.',
      'counter',
      stats.retried,
    ),
    single('codebuddy_webhook_deliveries_in_flight', 'Requests in flight.', 'gauge', stats.inFlight),
    single('codebuddy_webhook_deliveries_pending', 'Pending deliveries.', 'gauge', stats.pending),
    single(
      'codebuddy_webhook_oldest_pending_age_seconds',
      'Age of the oldest pending delivery in seconds.',
      'gauge',
      stats.oldestPendingAgeMs / 1000,
    ),
    {
      name: 'codebuddy_webhook_attempt_duration_seconds',
      help: 'Duration of an attempt in seconds, from the name lookup to the response headers.',
      type: 'histogram',
      samples: Object.entries(stats.latency).flatMap(([outcome, figures]) => durations(outcome, figures)),
    },
  ];
}

/** The number of webhooks by status. Statuses without webhooks are 0, so alerts can refer to them. */
export function webhookStates(webhooks: readonly Webhook[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(webhookStatuses.map((status) => [status, 0]));
  for (const { state } of webhooks) counts[state.status] = (counts[state.status] ?? 0) + 1;
  return counts;
}

/** Webhooks by status for `GET /metrics`. The label has been `state` since the first release. */
export function webhookStateFamily(webhooks: readonly Webhook[]): MetricFamily {
  return {
    name: 'codebuddy_webhooks',
    help: 'Webhooks by status.',
    type: 'gauge',
    samples: Object.entries(webhookStates(webhooks)).map(([state, value]) => ({ labels: { state }, value })),
  };
}

/** Metrics of deliveries for `GET /api/metrics`. */
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
