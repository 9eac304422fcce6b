// The deliveries, newest first, with filters. Buttons retry all that failed, and clear the history.

import { useState } from 'preact/hooks';
import type { Delivery } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import { usePages } from '../../app/pages.ts';
import { useResource } from '../../app/resource.ts';
import { go, setQuery } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { formatCount } from '../../parts/format.ts';
import { Empty, ErrorNotice } from '../../parts/state.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { ClearDialog } from './clear-dialog.tsx';
import { DeliveryFilters, deliveryQueryOf } from './delivery-filters.tsx';
import { DeliveryRow, webhookNameOf } from './delivery-rows.tsx';
import { useFollowDeliveries } from './follow-deliveries.ts';
import { RetryFailedDialog } from './retry-failed-dialog.tsx';

const pageSize = 100;

export function DeliveryList({ query: inUrl }: { readonly query: Readonly<Record<string, string>> }) {
  const query = deliveryQueryOf(inUrl);
  const isFiltered = Object.keys(query).length > 0;
  const { items, error, isEnd, loadMore, reload } = usePages<Delivery>(
    `deliveries ${JSON.stringify(query)}`,
    async (cursor, signal) => {
      const { deliveries, nextCursor } = await client.deliveries.list(
        { ...query, limit: pageSize, ...(cursor === undefined ? {} : { cursor }) },
        { signal },
      );
      return { items: deliveries, nextCursor };
    },
    { changedBy: ['*'], quietMs: 1000 },
  );
  // For the names in the filter and in the rows.
  const webhooks = useResource(
    'all-webhooks',
    (signal) => allOf(client.webhooks.list({ limit: 200 }, { signal })),
    { changedBy: ['webhook.'] },
  );
  const names = new Map(webhooks.value?.map(({ id, name }) => [id, name]));
  // Deliveries of a disabled webhook have no next attempt: they wait for a person.
  const first = items?.slice(0, pageSize).filter(({ nextAttemptAt }) => nextAttemptAt !== null);
  useFollowDeliveries(first ?? [], reload);
  const [open, setOpen] = useState<'retry' | 'clear'>();
  const right = may('admin');
  return (
    <>
      <header>
        <h1>Deliveries</h1>
        {items !== undefined && (
          <span class="quiet">
            {formatCount(items.length)}
            {isEnd ? '' : ' newest'}
            {isFiltered ? ' that match' : ''}
          </span>
        )}
        <DeliveryFilters query={query} webhooks={webhooks.value ?? []} />
        {isFiltered && (
          <button
            type="button"
            class="bare"
            onClick={() =>
              setQuery({ status: undefined, webhookId: undefined, event: undefined, eventId: undefined })
            }
          >
            Clear filters
          </button>
        )}
        <div class="actions">
          <button type="button" {...right} onClick={() => setOpen('retry')}>
            Retry failed
          </button>
          <button type="button" class="danger" {...right} onClick={() => setOpen('clear')}>
            Clear history
          </button>
        </div>
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      <div class="panel">
        {items?.length === 0 &&
          (isFiltered ? (
            <Empty>No delivery matches the filters.</Empty>
          ) : (
            <Empty command="codebuddy webhooks listen">
              No deliveries yet. Each event that a webhook receives creates one. Receive events on this
              machine:
            </Empty>
          ))}
        {items !== undefined && items.length > 0 && (
          <VirtualList
            label="Deliveries"
            items={items}
            keyOf={({ id }) => id}
            rowHeight={37}
            onEnd={loadMore}
            onOpen={({ id }) => go(['deliveries', id])}
            render={(delivery) => (
              <DeliveryRow delivery={delivery} webhookName={webhookNameOf(delivery.webhookId, names)} />
            )}
          />
        )}
      </div>
      {open === 'retry' && (
        <RetryFailedDialog query={query} names={names} onClose={() => setOpen(undefined)} onDone={reload} />
      )}
      {open === 'clear' && (
        <ClearDialog
          webhookId={query.webhookId}
          names={names}
          onClose={() => setOpen(undefined)}
          onDone={reload}
        />
      )}
    </>
  );
}
