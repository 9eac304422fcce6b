// Follows the deliveries that are shown, while some of them are pending.

import type { Delivery } from '../../../src/client/web.ts';
import { useFollowPending } from '../../app/follow-pending.ts';

export function useFollowDeliveries(deliveries: readonly Delivery[], reload: () => void): void {
  const pending = deliveries.filter(({ status }) => status === 'pending');
  const dues = pending.flatMap(({ nextAttemptAt }) =>
    nextAttemptAt === null ? [] : [Date.parse(nextAttemptAt)],
  );
  useFollowPending({
    pending:
      pending.length === 0
        ? undefined
        : pending.map(({ id, attemptLog }) => `${id} ${attemptLog.length}`).join(),
    dueAt: dues.length === 0 ? undefined : Math.min(...dues),
    reload,
  });
}
