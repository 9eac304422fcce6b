// Counts the deliveries that were created since a time, and computes how long they took.

import { CodeBuddyApiError, type CodeBuddyClient } from '../client/index.ts';
import type { DeliveryStatus } from '../contract/delivery-status.ts';
import { pageSize, type StatsQuery } from './stats-runs.ts';

export interface DeliveryFigures {
  readonly count: number;
  /** The 95th percentile of the time from creation to end, retries included. Null if none has ended. */
  readonly p95Ms: number | null;
}

export type DeliveryStats = Readonly<Record<DeliveryStatus, DeliveryFigures>>;

/** Null if the server has no webhooks. */
export async function countDeliveries(
  client: CodeBuddyClient,
  { since, progress, signal }: StatsQuery,
): Promise<DeliveryStats | null> {
  const counts = { pending: 0, success: 0, failed: 0, cancelled: 0 };
  const durations: Record<DeliveryStatus, number[]> = { pending: [], success: [], failed: [], cancelled: [] };
  try {
    for await (const { deliveries } of client.deliveries
      .list({ since, limit: pageSize }, { signal })
      .pages()) {
      progress.read('deliveries', deliveries.length);
      for (const { status, createdAt, endedAt } of deliveries) {
        counts[status]++;
        if (endedAt !== null) durations[status].push(Date.parse(endedAt) - Date.parse(createdAt));
      }
    }
  } catch (error) {
    // A host application may have none.
    if (error instanceof CodeBuddyApiError && error.status === 404) return null;
    throw error;
  }
  const figures = (status: DeliveryStatus): DeliveryFigures => ({
    count: counts[status],
    p95Ms: percentile(durations[status], 0.95),
  });
  return {
    pending: figures('pending'),
    success: figures('success'),
    failed: figures('failed'),
    cancelled: figures('cancelled'),
  };
}

/** The smallest value that this share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? null;
}
