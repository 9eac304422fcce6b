// The calls of a trigger, newest first, with outcome and reason. The filter is in the URL.

import type { TriggerCall } from '../../../src/client/web.ts';
import { triggerOutcomes } from '../../../src/contract/trigger-outcome.ts';
import { usePages } from '../../app/pages.ts';
import { hrefOf, setQuery } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { CardTable } from '../../parts/card-table.tsx';
import { formatCount } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { Outcome } from './trigger-state.tsx';

export interface TriggerCallsProps {
  readonly id: string;
  readonly outcome: string | undefined;
}

export function TriggerCalls({ id, outcome }: TriggerCallsProps) {
  const wanted = triggerOutcomes.find((one) => one === outcome);
  const { items, error, isEnd, loadMore, reload } = usePages<TriggerCall>(
    `trigger-calls ${id} ${wanted ?? ''}`,
    async (cursor, signal) => {
      const { calls, nextCursor } = await client.triggers.listCalls(
        id,
        {
          limit: 50,
          ...(wanted === undefined ? {} : { outcome: wanted }),
          ...(cursor === undefined ? {} : { cursor }),
        },
        { signal },
      );
      return { items: calls, nextCursor };
    },
    { changedBy: ['trigger.'] },
  );
  return (
    <section class="panel" aria-label="Calls">
      <header>
        <h2 class="grow">
          Calls{' '}
          {items !== undefined && (
            <span class="quiet">
              {formatCount(items.length)}
              {isEnd ? '' : ' newest'}
            </span>
          )}
        </h2>
        <select
          aria-label="Outcome"
          value={wanted ?? ''}
          onChange={({ currentTarget }) => setQuery({ outcome: currentTarget.value })}
        >
          <option value="">Any outcome</option>
          {triggerOutcomes.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      {items?.length === 0 && (
        <p class="body quiet">
          {wanted === undefined
            ? 'No calls yet. Every call is listed here, also refused ones.'
            : `No calls are ${wanted}.`}
        </p>
      )}
      {items !== undefined && items.length > 0 && (
        <CardTable columns={['Received', 'Outcome', 'Event', 'Run', 'Reason']}>
          {items.map((call) => (
            <CallRow key={call.id} call={call} />
          ))}
        </CardTable>
      )}
      {!isEnd && items !== undefined && items.length > 0 && (
        <div class="body">
          <button type="button" onClick={loadMore}>
            Show more
          </button>
        </div>
      )}
    </section>
  );
}

function CallRow({ call }: { readonly call: TriggerCall }) {
  const { receivedAt, outcome, event, actor, runId, sessionId, reason } = call;
  return (
    <tr>
      <td data-label="Received">
        <Time at={receivedAt} />
      </td>
      <td data-label="Outcome">
        <Outcome outcome={outcome} />
      </td>
      <td data-label="Event" class="break">
        {event ?? 'unknown'}
        {actor !== null && <span class="quiet"> by {actor}</span>}
      </td>
      <td data-label="Run">
        {runId === null ? 'none' : <Id id={runId} />}
        {sessionId !== null && (
          <>
            {' '}
            <a href={hrefOf(['sessions', sessionId])}>session</a>
          </>
        )}
      </td>
      <td data-label="Reason" class="break">
        {reason ?? ''}
      </td>
    </tr>
  );
}
