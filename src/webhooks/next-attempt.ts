// Computes when a pending delivery will be sent: when it is due or when its webhook may send, whichever is later.

import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Lane } from './lane.ts';

/**
 * Unix ms of the delivery clock; a time in the past means as soon as it is its turn. Undefined if its webhook is
 * disabled, refused or removed, so that nothing is sent.
 */
export function nextAttemptOf(row: DeliveryRow, lane: Lane | undefined, now: number): number | undefined {
  if (lane === undefined || !lane.isEnabled || lane.refusal !== undefined) return undefined;
  if (lane.queue.isUrgent(row.id)) return now;
  const own = row.nextAttemptAt ?? row.createdAt;
  const shut = lane.shutUntil(now);
  if (shut !== undefined && lane.isBreakerOpen && row.answered === 'nothing') {
    // When the probe succeeds, this delivery is sent at once, even if its retry is later.
    return shut;
  }
  const turn = lane.config.ordered && row.nextAttemptAt === null ? (lane.queue.nextWaitingAt ?? 0) : 0;
  return Math.max(own, shut ?? 0, turn);
}
