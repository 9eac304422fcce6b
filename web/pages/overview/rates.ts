// Rates and percentiles of the samples.

import type { Bucket, Sample } from './samples.ts';

export interface Period {
  readonly from: Pick<Sample, 'requests' | 'durations' | 'delivered' | 'failed'>;
  readonly to: Sample;
  readonly seconds: number;
  /** True if it begins at the start of the server. */
  readonly isWhole: boolean;
}

/** The shortest time for which a rate is meaningful. */
const leastMs = 10_000;
const atStart = { requests: 0, durations: [], delivered: 0, failed: 0 };

/** The last stretch of at least 10 s before the newest sample; else from the start of the server. */
export function lastPeriod(samples: readonly Sample[]): Period | undefined {
  const to = samples.at(-1);
  if (to === undefined) return undefined;
  const from = samples.findLast(({ at }) => at <= to.at - leastMs);
  return from === undefined
    ? { from: atStart, to, seconds: Math.max(1, to.uptime), isWhole: true }
    : { from, to, seconds: (to.at - from.at) / 1000, isWhole: false };
}

/** The rate between each sample and the one before. */
export function ratesOf(samples: readonly Sample[], read: (sample: Sample) => number): readonly number[] {
  return samples.map((sample, index) => {
    const before = samples[index - 1];
    if (before === undefined) return sample.uptime > 0 ? read(sample) / Math.max(1, sample.uptime) : 0;
    const seconds = Math.max(0.001, (sample.at - before.at) / 1000);
    return Math.max(0, read(sample) - read(before)) / seconds;
  });
}

/** The bound in seconds below which 95 % of the period's requests are; undefined without requests. */
export function p95({ from, to }: Period): number | undefined {
  const earlier = new Map(from.durations.map(({ seconds, count }) => [seconds, count]));
  const buckets: readonly Bucket[] = to.durations.map(({ seconds, count }) => ({
    seconds,
    count: count - (earlier.get(seconds) ?? 0),
  }));
  const total = to.requests - from.requests;
  if (total <= 0) return undefined;
  return buckets.find(({ count }) => count >= total * 0.95)?.seconds ?? Number.POSITIVE_INFINITY;
}
