// Metrics of triggers.

import type { TriggerOutcome } from '../../contract/trigger-outcome.ts';
import type { MetricFamily } from './prometheus-text.ts';

/** Metrics of triggers for `GET /metrics`. */
export function triggerFamilies(calls: Readonly<Record<TriggerOutcome, number>>): readonly MetricFamily[] {
  return [
    {
      name: 'codebuddy_trigger_calls_total',
      help: 'Calls of triggers by outcome.',
      type: 'counter',
      samples: Object.entries(calls).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
  ];
}
