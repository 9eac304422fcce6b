// When a delivery that waits will really be sent: its own time, or that of its webhook, whichever is later.

import type { DeliveryRow } from '../store/delivery-store.ts';
import type { Lane } from './lane.ts';

/**
 * Unix ms of the delivery clock; a time that is over means as soon as its turn comes. Undefined if nothing happens by itself, since its webhook is
 * disabled, refused or gone.
 */
export function nextAttemptOf(row: DeliveryRow, lane: Lane | undefined, now: number): number | undefined {
  if (lane === undefined || !lane.isEnabled || lane.refusal !== undefined) return undefined;
  if (lane.queue.isUrgent(row.id)) return now;
  const own = row.nextAttemptAt ?? row.createdAt;
  const shut = lane.shutUntil(now);
  if (shut !== undefined && lane.isBreakerOpen && row.answered === 'nothing') {
    // Once the probe finds the receiver, this one is not kept waiting, however long its own wait.
    return shut;
  }
  const turn = lane.config.ordered && row.nextAttemptAt === null ? (lane.queue.nextWaitingAt ?? 0) : 0;
  return Math.max(own, shut ?? 0, turn);
}
