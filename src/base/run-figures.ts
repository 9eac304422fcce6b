// Counts how runs end, how long they take and what they cost. The agent counts its own runs, and the REST server those that a host application
// answers.

import type { RunEnding } from '../contract/run.ts';
import type { Usage } from '../contract/usage.ts';

/** Upper bounds in seconds, from answers without a model to one hour. */
const bucketSeconds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] as const;

export interface RunDurations {
  readonly count: number;
  readonly totalSeconds: number;
  /** Upper bounds in seconds, each with the number of runs that took no longer. */
  readonly buckets: readonly (readonly [number, number])[];
}

export interface ModelSpending {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars; models without a known price count as 0. */
  readonly cost: number;
}

export interface RunStats {
  /** Ended runs since the start of the process. */
  readonly ended: Readonly<Record<RunEnding, number>>;
  /** Of runs that had started to work, including the time waiting for approval. */
  readonly durations: Readonly<Record<RunEnding, RunDurations>>;
  readonly spending: readonly ModelSpending[];
}

export interface RunFigures {
  /** `durationMs` is undefined for a run that never started to work. */
  ended(ending: RunEnding, durationMs: number | undefined): void;
  spent(
    model: string | null,
    usage: Pick<Usage, 'inputTokens' | 'outputTokens'> | null,
    cost: number | null,
  ): void;
  stats(): RunStats;
}

/** Models that are counted by name. The rest count as `other`, or clients could fill the memory with names. */
const maxModels = 100;

export function createRunFigures(): RunFigures {
  const counts = { completed: 0, failed: 0, cancelled: 0, interrupted: 0 };
  const durations = {
    completed: new Durations(),
    failed: new Durations(),
    cancelled: new Durations(),
    interrupted: new Durations(),
  };
  const models = new Map<string, { inputTokens: number; outputTokens: number; cost: number }>();

  return {
    ended(ending, durationMs) {
      counts[ending]++;
      if (durationMs !== undefined) durations[ending].observe(Math.max(0, durationMs) / 1000);
    },
    spent(model, usage, cost) {
      if (usage === null && cost === null) return;
      const given = model ?? 'unknown';
      const name = models.has(given) || models.size < maxModels ? given : 'other';
      const sum = models.get(name) ?? { inputTokens: 0, outputTokens: 0, cost: 0 };
      sum.inputTokens += usage?.inputTokens ?? 0;
      sum.outputTokens += usage?.outputTokens ?? 0;
      sum.cost += cost ?? 0;
      models.set(name, sum);
    },
    stats: () => ({
      ended: { ...counts },
      durations: {
        completed: durations.completed.toStats(),
        failed: durations.failed.toStats(),
        cancelled: durations.cancelled.toStats(),
        interrupted: durations.interrupted.toStats(),
      },
      spending: [...models].map(([model, sum]) => ({ model, ...sum })),
    }),
  };
}

class Durations {
  private count = 0;
  private totalSeconds = 0;
  private readonly buckets: number[] = bucketSeconds.map(() => 0);

  observe(seconds: number): void {
    this.count++;
    this.totalSeconds += seconds;
    for (const [index, bound] of bucketSeconds.entries()) {
      if (seconds <= bound) this.buckets[index] = (this.buckets[index] ?? 0) + 1;
    }
  }

  toStats(): RunDurations {
    return {
      count: this.count,
      totalSeconds: this.totalSeconds,
      buckets: bucketSeconds.map((bound, index) => [bound, this.buckets[index] ?? 0] as const),
    };
  }
}

/** Adds the figures of two counters. */
export function addRunStats(left: RunStats, right: RunStats): RunStats {
  const byEnding = <T>(add: (ending: RunEnding) => T): Record<RunEnding, T> => ({
    completed: add('completed'),
    failed: add('failed'),
    cancelled: add('cancelled'),
    interrupted: add('interrupted'),
  });
  const models = new Map(left.spending.map((one) => [one.model, one]));
  for (const { model, inputTokens, outputTokens, cost } of right.spending) {
    const known = models.get(model) ?? { inputTokens: 0, outputTokens: 0, cost: 0 };
    models.set(model, {
      model,
      inputTokens: known.inputTokens + inputTokens,
      outputTokens: known.outputTokens + outputTokens,
      cost: known.cost + cost,
    });
  }
  return {
    ended: byEnding((ending) => left.ended[ending] + right.ended[ending]),
    durations: byEnding((ending) => {
      const [one, other] = [left.durations[ending], right.durations[ending]];
      return {
        count: one.count + other.count,
        totalSeconds: one.totalSeconds + other.totalSeconds,
        buckets: one.buckets.map(([bound, count], index) => [
          bound,
          count + (other.buckets[index]?.[1] ?? 0),
        ]),
      };
    }),
    spending: [...models.values()],
  };
}
