// Counters of the webhook engine since its start; what now is comes from the lanes.

import type { Latency } from '../contract/webhook-stats.ts';

/** Upper bounds in seconds. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60] as const;

export interface DeliveryFigures {
  emitted: number;
  delivered: number;
  failed: number;
  retried: number;
  observe(outcome: string, durationMs: number): void;
  latency(): Readonly<Record<string, Latency>>;
}

export function createDeliveryFigures(): DeliveryFigures {
  const byOutcome = new Map<string, { counts: number[]; sum: number; count: number }>();
  return {
    emitted: 0,
    delivered: 0,
    failed: 0,
    retried: 0,
    observe(outcome, durationMs) {
      let entry = byOutcome.get(outcome);
      if (entry === undefined) {
        entry = { counts: bounds.map(() => 0), sum: 0, count: 0 };
        byOutcome.set(outcome, entry);
      }
      const seconds = durationMs / 1000;
      entry.sum += seconds;
      entry.count++;
      const index = bounds.findIndex((bound) => seconds <= bound);
      if (index !== -1) entry.counts[index] = (entry.counts[index] as number) + 1;
    },
    latency() {
      return Object.fromEntries(
        [...byOutcome].map(([outcome, { counts, sum, count }]) => {
          let total = 0;
          const buckets = bounds.map((bound, index) => {
            total += counts[index] as number;
            return [bound, total] as const;
          });
          return [outcome, { buckets, sum, count }];
        }),
      );
    },
  };
}
