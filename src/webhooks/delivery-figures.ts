// Counts attempts and deliveries since the start, and the ended deliveries in the history. Current values are read from
// the lanes.

import type { DeliveryStatus, EndedDeliveryStatus } from '../contract/delivery-status.ts';
import type { Latency } from '../contract/webhook-stats.ts';

/** Upper bounds in seconds. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60] as const;

export interface DeliveryFigures {
  /** Since the start. */
  counters(): {
    readonly emitted: number;
    readonly delivered: number;
    readonly failed: number;
    readonly retried: number;
  };
  /** Attempts by outcome, since the start. */
  latency(): Readonly<Record<string, Latency>>;
  /** Ended deliveries in the history. */
  readonly endedInHistory: number;
  readonly failedInHistory: number;

  eventEmitted(): void;
  attempted(outcome: string, durationMs: number): void;
  /** The record of a retry was committed. */
  retried(): void;
  ended(status: EndedDeliveryStatus, count?: number): void;
  /** An ended delivery is pending again. */
  requeued(status: DeliveryStatus): void;
  /** Ended deliveries were deleted from the history. */
  deleted(count: number): void;
  /** The history was counted anew. */
  recounted(history: Readonly<Record<EndedDeliveryStatus, number>>): void;
}

/** `history`: ended deliveries that the store has at the start. */
export function createDeliveryFigures(
  history: Readonly<Record<EndedDeliveryStatus, number>>,
): DeliveryFigures {
  const byOutcome = new Map<string, { counts: number[]; sum: number; count: number }>();
  let emitted = 0;
  let delivered = 0;
  let failed = 0;
  let retried = 0;
  let endedInHistory = history.success + history.failed + history.cancelled;
  let failedInHistory = history.failed;
  return {
    counters: () => ({ emitted, delivered, failed, retried }),
    get endedInHistory() {
      return endedInHistory;
    },
    get failedInHistory() {
      return failedInHistory;
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
    eventEmitted() {
      emitted++;
    },
    attempted(outcome, durationMs) {
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
    retried() {
      retried++;
    },
    ended(status, count = 1) {
      endedInHistory += count;
      if (status === 'success') delivered += count;
      if (status === 'failed') {
        failed += count;
        failedInHistory += count;
      }
    },
    requeued(status) {
      endedInHistory--;
      if (status === 'failed') failedInHistory--;
    },
    deleted(count) {
      endedInHistory -= count;
    },
    recounted({ success, failed: failedNow, cancelled }) {
      endedInHistory = success + failedNow + cancelled;
      failedInHistory = failedNow;
    },
  };
}
