// All webhooks, with their state in words.

import { useEffect } from 'preact/hooks';
import type { Webhook } from '../../../src/client/web.ts';
import type { WebhookDay } from '../../../src/contract/webhook-figures.ts';
import { useFollowPending } from '../../app/follow-pending.ts';
import { usePages } from '../../app/pages.ts';
import { go, hrefOf } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { formatCount, plural } from '../../parts/format.ts';
import { Empty, ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { LastDay, useWebhookDay } from './last-day.tsx';
import { needsAttention, StateWords } from './state-words.tsx';
import { hostOf } from './target.ts';

const pageSize = 100;

export function WebhookList() {
  const { items, error, isEnd, loadMore, reload } = usePages<Webhook>(
    'webhooks',
    async (cursor, signal) => {
      const { webhooks, nextCursor } = await client.webhooks.list(
        { limit: pageSize, ...(cursor === undefined ? {} : { cursor }) },
        { signal },
      );
      return { items: webhooks, nextCursor };
    },
    { changedBy: ['*'], quietMs: 1000 },
  );
  const day = useWebhookDay();
  // Only the first page is loaded again.
  const busy = (items ?? [])
    .slice(0, pageSize)
    .filter(({ state }) => state.pending > 0 && state.status !== 'disabled');
  useFollowPending({
    pending: busy.length === 0 ? undefined : busy.map(({ id, state }) => `${id} ${state.pending}`).join(),
    // A retry may be hours away.
    giveUpMs: 60_000,
    reload,
  });
  // Deliveries end without an event.
  const sent = items?.map(({ state }) => `${state.lastSuccessAt} ${state.failures}`).join();
  useEffect(day.reload, [sent]);
  const attention = items?.filter(needsAttention).length ?? 0;
  return (
    <>
      <header>
        <h1>Webhooks</h1>
        {items !== undefined && (
          <span class="quiet">
            {formatCount(items.length)}
            {isEnd ? '' : ' oldest'}
          </span>
        )}
        {attention > 0 && <span class="bad">{plural(attention, 'needs', 'need')} attention</span>}
        <div class="actions">
          <button type="button" class="main" {...may('admin')} onClick={() => go(['webhooks', 'new'])}>
            New webhook
          </button>
        </div>
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      <div class="panel">
        {items?.length === 0 && (
          <Empty command="codebuddy webhooks listen">
            No webhooks yet. Create one here, or receive events on this machine:
          </Empty>
        )}
        {items !== undefined && items.length > 0 && (
          <VirtualList
            label="Webhooks"
            items={items}
            keyOf={({ id }) => id}
            rowHeight={56}
            onEnd={loadMore}
            onOpen={({ id }) => go(['webhooks', id])}
            render={(webhook) => <WebhookRow webhook={webhook} day={day.value} />}
          />
        )}
      </div>
    </>
  );
}

interface WebhookRowProps {
  readonly webhook: Webhook;
  readonly day: WebhookDay | undefined;
}

function WebhookRow({ webhook, day }: WebhookRowProps) {
  const { id, name, url, state } = webhook;
  return (
    <div class="webhook-row">
      <a class="webhook-name" href={hrefOf(['webhooks', id])}>
        <span class="cut">{name}</span>
        <span class="cut quiet mono">{hostOf(url)}</span>
      </a>
      <div class="webhook-state">
        <StateWords webhook={webhook} />
      </div>
      <div class="webhook-facts quiet">
        <span>
          {state.lastSuccessAt === null ? (
            'no success yet'
          ) : (
            <>
              last success <Time at={state.lastSuccessAt} />
            </>
          )}
        </span>
        <span>{formatCount(state.pending)} pending</span>
      </div>
      <div class="webhook-day">
        <LastDay day={day} webhookId={id} />
      </div>
    </div>
  );
}
