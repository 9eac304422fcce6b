// The state of a delivery in words.

import type { Delivery } from '../../../src/client/web.ts';
import { Time } from '../../parts/time.tsx';

const reasonWords: Readonly<Record<string, string>> = {
  webhook_removed: 'its webhook was removed',
};

export function DeliveryState({ delivery }: { readonly delivery: Delivery }) {
  const { status, reason, nextAttemptAt } = delivery;
  const why = reason === null ? undefined : (reasonWords[reason] ?? reason.replaceAll('_', ' '));
  switch (status) {
    case 'success':
      return <span class="chip good">delivered</span>;
    case 'failed':
      return (
        <span class="chip bad">
          <span class="cut">failed{why !== undefined && `: ${why}`}</span>
        </span>
      );
    case 'cancelled':
      return <span class="chip">cancelled{why !== undefined && `: ${why}`}</span>;
    case 'pending':
      return (
        <span class={why === undefined ? 'chip' : 'chip warn'}>
          <span class="cut">
            pending
            {why !== undefined && `: ${why}`}
            {nextAttemptAt !== null && delivery.attemptLog.length > 0 && (
              <>
                , again <Time at={nextAttemptAt} />
              </>
            )}
          </span>
        </span>
      );
  }
}
