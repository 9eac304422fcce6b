// Figures of the agent: runs by outcome and duration, tokens, cost, permissions, and what this build is.

import type { RunStats } from '../../base/run-figures.ts';
import type { PermissionStats } from '../../contract/permission.ts';
import type { RunStateCounts } from '../../contract/run.ts';
import { runEndings } from '../../contract/run.ts';
import type { MetricFamily, Sample } from './prometheus-text.ts';

/** For `GET /metrics`. */
export function runFamilies(stats: RunStats, states: RunStateCounts | undefined): readonly MetricFamily[] {
  const { ended, durations, spending } = stats;
  return [
    ...(states === undefined
      ? []
      : [
          {
            name: 'codebuddy_runs',
            help: 'Runs that have not ended, by status.',
            type: 'gauge',
            samples: Object.entries(states).map(([status, value]) => ({ labels: { status }, value })),
          } as const,
        ]),
    {
      name: 'codebuddy_runs_ended_total',
      help: 'Runs that have ended, by outcome.',
      type: 'counter',
      samples: runEndings.map((outcome) => ({ labels: { outcome }, value: ended[outcome] })),
    },
    {
      name: 'codebuddy_run_duration_seconds',
      help: 'From the start of the work to its end, with the time that a person took to decide.',
      type: 'histogram',
      samples: runEndings.flatMap((outcome) => durationSamples(outcome, durations[outcome])),
    },
    {
      name: 'codebuddy_tokens_total',
      help: 'Tokens, by model and direction.',
      type: 'counter',
      samples: spending.flatMap(({ model, inputTokens, outputTokens }) => [
        { labels: { model, direction: 'input' }, value: inputTokens },
        { labels: { model, direction: 'output' }, value: outputTokens },
      ]),
    },
    {
      name: 'codebuddy_cost_usd_total',
      help: 'US dollars spent on models that have a price.',
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

export function permissionFamilies({
  pending,
  requested,
  resolved,
}: PermissionStats): readonly MetricFamily[] {
  return [
    {
      name: 'codebuddy_permissions_pending',
      help: 'Tools that wait for a person.',
      type: 'gauge',
      samples: [{ value: pending }],
    },
    {
      name: 'codebuddy_permissions_requested_total',
      help: 'Questions to a person.',
      type: 'counter',
      samples: [{ value: requested }],
    },
    {
      name: 'codebuddy_permissions_resolved_total',
      help: 'Questions that were settled, by decision; `expired` and `run_ended` had no answer.',
      type: 'counter',
      samples: Object.entries(resolved).map(([decision, value]) => ({ labels: { decision }, value })),
    },
  ];
}

/** Joined with other figures, it tells which version they are of. */
export function buildFamily(version: string): MetricFamily {
  return {
    name: 'codebuddy_build_info',
    help: 'Always 1; the labels say which build this is.',
    type: 'gauge',
    samples: [{ labels: { version, node: process.version }, value: 1 }],
  };
}

/** For `GET /api/metrics`. */
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
