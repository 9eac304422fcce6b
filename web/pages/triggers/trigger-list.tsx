// All triggers, with their state and last call.

import type { Trigger } from '../../../src/client/web.ts';
import { usePages } from '../../app/pages.ts';
import { go, hrefOf } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { formatCount } from '../../parts/format.ts';
import { Empty, ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { Outcome, TriggerState } from './trigger-state.tsx';

export function TriggerList() {
  const { items, error, isEnd, loadMore, reload } = usePages<Trigger>(
    'triggers',
    async (cursor, signal) => {
      const { triggers, nextCursor } = await client.triggers.list(
        { limit: 100, ...(cursor === undefined ? {} : { cursor }) },
        { signal },
      );
      return { items: triggers, nextCursor };
    },
    { changedBy: ['trigger.'], quietMs: 500 },
  );
  return (
    <>
      <header>
        <h1>Triggers</h1>
        {items !== undefined && (
          <span class="quiet">
            {formatCount(items.length)}
            {isEnd ? '' : ' oldest'}
          </span>
        )}
        <div class="actions">
          <button type="button" class="main" {...may('admin')} onClick={() => go(['triggers', 'new'])}>
            New trigger
          </button>
        </div>
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      <div class="panel">
        {items?.length === 0 && (
          <Empty command="codebuddy triggers add github --events pull_request --prompt-file review.md">
            No triggers yet. A trigger starts a run when GitHub, Slack or another sender calls, or on a
            schedule.
          </Empty>
        )}
        {items !== undefined && items.length > 0 && (
          <VirtualList
            label="Triggers"
            items={items}
            keyOf={({ id }) => id}
            rowHeight={56}
            onEnd={loadMore}
            onOpen={({ id }) => go(['triggers', id])}
            render={(trigger) => <TriggerRow trigger={trigger} />}
          />
        )}
      </div>
    </>
  );
}

function TriggerRow({ trigger }: { readonly trigger: Trigger }) {
  const { id, name, source, schedule, lastCall, nextRunAt } = trigger;
  return (
    <div class="trigger-row">
      <a class="webhook-name" href={hrefOf(['triggers', id])}>
        <span class="cut">{name}</span>
        <span class="cut quiet mono">{schedule === undefined ? source : `schedule ${schedule.cron}`}</span>
      </a>
      <TriggerState trigger={trigger} />
      <div class="webhook-facts quiet">
        <span>
          {lastCall === null ? (
            'no call yet'
          ) : (
            <>
              <Outcome outcome={lastCall.outcome} /> <Time at={lastCall.receivedAt} />
            </>
          )}
        </span>
        {nextRunAt !== null && (
          <span>
            next <Time at={nextRunAt} />
          </span>
        )}
      </div>
    </div>
  );
}
