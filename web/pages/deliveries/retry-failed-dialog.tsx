// Retries all failed deliveries that match the filters. It first says how many there are.

import { useResource } from '../../app/resource.ts';
import { client } from '../../app/sign-in.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { plural } from '../../parts/format.ts';
import { Content } from '../../parts/state.tsx';
import type { DeliveryQuery } from './delivery-filters.tsx';
import { webhookNameOf } from './delivery-rows.tsx';

export interface RetryFailedProps {
  readonly query: DeliveryQuery;
  readonly names: ReadonlyMap<string, string>;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function RetryFailedDialog({ query, names, onClose, onDone }: RetryFailedProps) {
  const { webhookId, event } = query;
  const filter = {
    ...(webhookId === undefined ? {} : { webhookId }),
    ...(event === undefined ? {} : { event }),
  };
  const count = useResource(`failed ${JSON.stringify(filter)}`, (signal) =>
    client.deliveries.countFailed(filter, { signal }),
  );
  const matching = count.value?.matching;
  return (
    <Confirm
      title="Retry failed deliveries"
      action={matching === undefined ? 'Retry' : `Retry ${plural(matching, 'delivery', 'deliveries')}`}
      done="Queued again."
      isHarmless
      isDisabled={matching === undefined || matching === 0}
      work={() => client.deliveries.retryFailed(filter)}
      onClose={onClose}
      onDone={onDone}
    >
      <div class="stack">
        <Content of={count}>
          {() => (
            <p>
              {matching === 0
                ? 'No failed deliveries'
                : `${plural(matching ?? 0, 'failed delivery is', 'failed deliveries are')} sent again`}
              {webhookId !== undefined && ` to ${webhookNameOf(webhookId, names)}`}
              {event !== undefined && ` of the event ${event}`}, with the same ids and the same bytes.
            </p>
          )}
        </Content>
        {webhookId === undefined && event === undefined && (
          <p class="quiet">To retry only some of them, filter the list by webhook or event first.</p>
        )}
      </div>
    </Confirm>
  );
}
