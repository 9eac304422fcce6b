// The sessions, and one of them.

import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { Session } from '../../../src/client/web.ts';
import { builtinAgent } from '../../../src/contract/agent-names.ts';
import { usableOf, useAgents } from '../../app/agents.ts';
import { usePages } from '../../app/pages.ts';
import { go, hrefOf, setQuery } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import type { ViewProps } from '../../app/view-props.ts';
import { FilterChip } from '../../parts/filter-chip.tsx';
import { formatCost, formatCount, plural } from '../../parts/format.ts';
import { Empty, ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { originNames } from './origin-names.ts';
import { PromptBox } from './prompt-box.tsx';
import { SessionView } from './session.tsx';

export default function SessionsView({ path, query }: ViewProps) {
  const [id] = path;
  return id === undefined ? (
    <SessionList title={query.title} agent={query.agent} archived={query.archived === 'true'} />
  ) : (
    <SessionView key={id} id={id} />
  );
}

interface SessionListProps {
  readonly title: string | undefined;
  readonly agent: string | undefined;
  readonly archived: boolean;
}

function SessionList({ title, agent, archived }: SessionListProps) {
  const { items, error, isEnd, loadMore, reload } = usePages<Session>(
    `sessions ${title ?? ''} of ${agent ?? ''} ${archived}`,
    async (cursor, signal) => {
      const { sessions, nextCursor } = await client.sessions.list(
        {
          limit: 100,
          archived: archived ? 'true' : 'false',
          ...(cursor ? { cursor } : {}),
          ...(title ? { title } : {}),
          ...(agent ? { agent } : {}),
        },
        { signal },
      );
      return { items: sessions, nextCursor };
    },
    { changedBy: ['session.', 'run.', 'message.'] },
  );
  const [isNew, setNew] = useState(false);
  const open = ({ id }: Session): void => go(['sessions', id]);
  return (
    <>
      <header>
        <h1>Sessions</h1>
        {items !== undefined && (
          <span class="quiet">
            {isEnd ? formatCount(items.length) : `${formatCount(items.length)} newest`}
          </span>
        )}
        <TitleFilter title={title} />
        <AgentFilter agent={agent} />
        {title !== undefined && (
          <FilterChip name="title" value={title} onClear={() => setQuery({ title: undefined })} />
        )}
        {agent !== undefined && (
          <FilterChip name="agent" value={agent} onClear={() => setQuery({ agent: undefined })} />
        )}
        {archived && (
          <FilterChip name="only" value="archived" onClear={() => setQuery({ archived: undefined })} />
        )}
        <div class="actions">
          {!archived && (
            <button type="button" onClick={() => setQuery({ archived: 'true' })}>
              Archived
            </button>
          )}
          <button
            type="button"
            class="main"
            aria-expanded={isNew}
            {...may('prompt')}
            onClick={() => setNew(!isNew)}
          >
            New prompt
          </button>
        </div>
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      {isNew && <PromptBox draft="new" onSent={({ sessionId }) => go(['sessions', sessionId])} />}
      <div class="panel">
        {items?.length === 0 &&
          (archived && title === undefined && agent === undefined ? (
            <Empty>No session is archived. A prompt to an archived session brings it back.</Empty>
          ) : title === undefined && agent === undefined ? (
            <Empty command="codebuddy prompt 'list the files'">No sessions yet. Send a first prompt:</Empty>
          ) : (
            <Empty>
              No session{agent === undefined ? '' : ` of ${agent}`}
              {title === undefined ? '' : ` has “${title}” in its title`}.
            </Empty>
          ))}
        {items !== undefined && items.length > 0 && (
          <VirtualList
            label="Sessions"
            items={items}
            keyOf={({ id }) => id}
            rowHeight={53}
            onEnd={loadMore}
            onOpen={open}
            render={(session) => <SessionRow session={session} />}
          />
        )}
      </div>
    </>
  );
}

const quietMs = 250;

function TitleFilter({ title }: { readonly title: string | undefined }) {
  const [text, setText] = useState(title ?? '');
  useEffect(() => {
    if (text.trim() === (title ?? '')) return undefined;
    const timer = setTimeout(() => setQuery({ title: text.trim() || undefined }), quietMs);
    return () => clearTimeout(timer);
  }, [text]);
  // A later effect would undo what was typed since.
  useLayoutEffect(() => {
    if (title === undefined) setText('');
  }, [title]);
  return (
    <input
      aria-label="Filter by title"
      placeholder="Filter by title"
      value={text}
      maxLength={200}
      spellcheck={false}
      onInput={({ currentTarget }) => setText(currentTarget.value)}
    />
  );
}

/** Nothing, if there is only the built-in agent. */
function AgentFilter({ agent }: { readonly agent: string | undefined }) {
  const usable = usableOf(useAgents().value);
  if (usable.length < 2) return null;
  return (
    <select
      aria-label="Filter by agent"
      value={agent ?? ''}
      onChange={({ currentTarget }) => setQuery({ agent: currentTarget.value || undefined })}
    >
      <option value="">all agents</option>
      {usable.map(({ name, title }) => (
        <option key={name} value={name}>
          {title}
        </option>
      ))}
    </select>
  );
}

function SessionRow({ session }: { readonly session: Session }) {
  const { id, title, status, agent, model, origin, messageCount, cost, updatedAt } = session;
  return (
    <a class="session-row" href={hrefOf(['sessions', id])}>
      <span class="row">
        <span class="cut grow">{title}</span>
        {status === 'running' && <span class="chip good">running</span>}
      </span>
      <span class="row quiet session-facts">
        <span>
          <Time at={updatedAt} />
        </span>
        {origin !== 'rest' && <span>by {originNames[origin]}</span>}
        <span>{plural(messageCount, 'message')}</span>
        {cost > 0 && <span>{formatCost(cost)}</span>}
        {agent !== builtinAgent && <span>{agent}</span>}
        {model !== null && <span class="cut">{model}</span>}
      </span>
    </a>
  );
}
