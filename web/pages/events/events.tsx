// The event log as a table that follows. A row opens to its JSON, and to what it has caused.

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LoggedEvent } from '../../../src/client/web.ts';
import { eventTypes } from '../../../src/contract/event-types.ts';
import { hrefOf, setQuery } from '../../app/router.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { FilterChip } from '../../parts/filter-chip.tsx';
import { formatCount, formatExactTime, plural } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { Json } from '../../parts/json.tsx';
import { Empty, ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { Turn } from '../../parts/turn.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { Caused } from './caused.tsx';
import { EventView } from './event.tsx';
import { useEventRows } from './event-rows.ts';
import { summaryOf, toneOf } from './event-summary.ts';

export default function EventsView({ path: [id], query }: ViewProps) {
  return id === undefined ? <EventTable query={query} /> : <EventView key={id} id={id} />;
}

function EventTable({ query }: Pick<ViewProps, 'query'>) {
  const { type, sessionId, runId, open } = query;
  const list = useRef<HTMLDivElement>(null);
  const isReading = (): boolean => (list.current?.getBoundingClientRect().top ?? 0) < 0;
  const { rows, fresh, error, isEnd, showFresh, loadMore, reload } = useEventRows(
    { type, sessionId, runId },
    isReading,
  );
  const toggle = ({ id }: LoggedEvent): void => setQuery({ open: open === id ? undefined : id });
  return (
    <>
      <header>
        <h1>Events</h1>
        {rows !== undefined && (
          <span class="quiet">
            {formatCount(rows.length)}
            {isEnd ? '' : ' newest'}
          </span>
        )}
        <TypeFilter type={type} />
        {sessionId !== undefined && (
          <FilterChip name="session" value={sessionId} onClear={() => setQuery({ sessionId: undefined })} />
        )}
        {runId !== undefined && (
          <FilterChip name="run" value={runId} onClear={() => setQuery({ runId: undefined })} />
        )}
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      {fresh > 0 && (
        <button
          type="button"
          class="fresh"
          onClick={() => {
            showFresh();
            scrollTo(0, 0);
          }}
        >
          {plural(fresh, 'new event')}
        </button>
      )}
      <div class="panel" ref={list}>
        {rows?.length === 0 && (
          <Empty command="codebuddy prompt 'list the files'">
            {type === undefined && sessionId === undefined && runId === undefined
              ? 'No events yet. Send a first prompt:'
              : 'No event matches the filter.'}
          </Empty>
        )}
        {rows !== undefined && rows.length > 0 && (
          <VirtualList
            label="Events"
            items={rows}
            keyOf={({ id }) => id}
            rowHeight={33}
            onEnd={loadMore}
            onOpen={toggle}
            render={(event) => (
              <EventRow event={event} isOpen={event.id === open} toggle={() => toggle(event)} />
            )}
          />
        )}
      </div>
    </>
  );
}

function TypeFilter({ type }: { readonly type: string | undefined }) {
  const [text, setText] = useState(type ?? '');
  // The address may change: by a link, or a step back. A later effect would undo what was typed since.
  useLayoutEffect(() => setText(type ?? ''), [type]);
  const apply = (): void => {
    const wanted = text.trim() || undefined;
    if (wanted !== type) setQuery({ type: wanted, open: undefined });
  };
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <input
        list="event-types"
        aria-label="Event types"
        placeholder="Types: run.*, tool.error"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onBlur={apply}
        spellcheck={false}
      />
      <datalist id="event-types">
        {eventTypes.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </form>
  );
}

interface RowProps {
  readonly event: LoggedEvent;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

function EventRow({ event, isOpen, toggle }: RowProps) {
  const { id, sequence, timestamp, type, sessionId } = event;
  return (
    <div>
      <div class="event-row">
        <button type="button" class="bare event-open" aria-expanded={isOpen} onClick={toggle}>
          <Turn isOpen={isOpen} />
          <span class="quiet event-time" title={formatExactTime(timestamp)}>
            {timestamp.slice(11, 23)}
          </span>
          <span class={`event-type ${toneOf(type)}`}>{type}</span>
          <span class="cut grow quiet">{summaryOf(event)}</span>
        </button>
        <span class="quiet number event-sequence">{sequence}</span>
        {sessionId !== undefined && (
          <a class="event-session" href={hrefOf(['sessions', sessionId])}>
            session
          </a>
        )}
      </div>
      {isOpen && (
        <div class="event-detail stack">
          <div class="row wrap quiet">
            <Id id={id} />
            <span>
              number {sequence}, <Time at={timestamp} />
            </span>
          </div>
          <Json value={event} label={`Event ${id}`} />
          <Caused event={event} />
        </div>
      )}
    </div>
  );
}
