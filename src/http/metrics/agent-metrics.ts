// Metrics of the agent: runs by outcome and duration, tokens, cost, permissions, and the build.

import type { RunStats } from '../../base/run-figures.ts';
import type { PermissionStats } from '../../contract/permission.ts';
import type { RunStateCounts } from '../../contract/run.ts';
import { runEndings } from '../../contract/run.ts';
import type { MetricFamily, Sample } from './prometheus-text.ts';

/** Metrics of runs for `GET /metrics`. */
export function runFamilies(stats: RunStats, states: RunStateCounts | undefined): readonly MetricFamily[] {
  const { ended, durations, spending } = stats;
  return [
    ...(states === undefined
      ? []
      : [
          {
            name: 'codebuddy_runs',
            help: 'Unfinished runs by status.',
            type: 'gauge',
            samples: Object.entries(states).map(([status, value]) => ({ labels: { status }, value })),
          } as const,
        ]),
    {
      name: 'codebuddy_runs_ended_total',
      help: 'Ended runs by outcome.',
      type: 'counter',
      samples: runEndings.map((outcome) => ({ labels: { outcome }, value: ended[outcome] })),
    },
    {
      name: 'codebuddy_run_duration_seconds',
      help: 'Duration of runs in seconds, including the time spent waiting for approval.',
      type: 'histogram',
      samples: runEndings.flatMap((outcome) => durationSamples(outcome, durations[outcome])),
    },
    {
      name: 'codebuddy_tokens_total',
      help: 'Tokens by model and direction.',
      type: 'counter',
      samples: spending.flatMap(({ model, inputTokens, outputTokens }) => [
        { labels: { model, direction: 'input' }, value: inputTokens },
        { labels: { model, direction: 'output' }, value: outputTokens },
      ]),
    },
    {
      name: 'codebuddy_cost_usd_total',
      help: 'Cost in US dollars, of models with a known price.',
      type: 'counter',
      samples: spending.map(({ model, cost }) => ({ labels: { model }, value: cost })),
    },
  ];
}

function durationSamples(outcome: string, figures: RunStats['durations']['completed']): Sample[] {
  const { buckets, count, totalSeconds } = figures;
  const bucket = (le: string, value: number): Sample => ({
    suffix: '_bucket',
    labels: { outcome, le },
    value,
  });
  return [
    ...buckets.map(([bound, value]) => bucket(String(bound), value)),
    bucket('+Inf', count),
    { suffix: '_sum', labels: { outcome }, value: totalSeconds },
    { suffix: '_count', labels: { outcome }, value: count },
  ];
}

/** Metrics of permissions for `GET /metrics`. */
export function permissionFamilies({
  pending,
  requested,
  resolved,
}: PermissionStats): readonly MetricFamily[] {
  return [
    {
      name: 'codebuddy_permissions_pending',
      help: 'Pending permissions.',
      type: 'gauge',
      samples: [{ value: pending }],
    },
    {
      name: 'codebuddy_permissions_requested_total',
      help: 'Requested permissions.',
      type: 'counter',
      samples: [{ value: requested }],
    },
    {
      name: 'codebuddy_permissions_resolved_total',
      help: 'Resolved permissions by decision. `expired` and `run_ended` got no answer.',
      type: 'counter',
      samples: Object.entries(resolved).map(([decision, value]) => ({ labels: { decision }, value })),
    },
  ];
}

/** The version, to join with other metrics. */
export function buildFamily(version: string): MetricFamily {
  return {
    name: 'codebuddy_build_info',
    help: 'Always 1. The labels identify the build.',
    type: 'gauge',
    samples: [{ labels: { version, node: process.version }, value: 1 }],
  };
}

/** Metrics of runs for `GET /api/metrics`. */
export function runFigures({ ended, durations, spending }: RunStats, states: RunStateCounts | undefined) {
  return {
    ...(states === undefined ? {} : { byStatus: states }),
    ended,
    durations: runEndings.map((outcome) => {
      const { buckets, ...rest } = durations[outcome];
      return { outcome, ...rest, buckets: buckets.map(([seconds, count]) => ({ seconds, count })) };
    }),
    spending,
  };
}
