// The sessions, and one of them.

import { useState } from 'preact/hooks';
import type { Session } from '../../../src/client/web.ts';
import { usePages } from '../../app/pages.ts';
import { go, hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import type { ViewProps } from '../../app/views.ts';
import { formatCost, formatCount, plural } from '../../parts/format.ts';
import { Empty, ErrorNotice } from '../../parts/state.tsx';
import { Time } from '../../parts/time.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { PromptBox } from './prompt-box.tsx';
import { SessionView } from './session.tsx';

export default function SessionsView({ path, query }: ViewProps) {
  const [id] = path;
  return id === undefined ? <SessionList /> : <SessionView key={id} id={id} query={query} />;
}

function SessionList() {
  const { items, error, isEnd, loadMore, reload } = usePages<Session>(
    'sessions',
    async (cursor, signal) => {
      const { sessions, nextCursor } = await client.sessions.list(
        { limit: 100, ...(cursor ? { cursor } : {}) },
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
        <div class="actions">
          <button type="button" class="main" onClick={() => setNew(!isNew)}>
            New prompt
          </button>
        </div>
      </header>
      {error !== undefined && <ErrorNotice error={error} retry={reload} />}
      {isNew && <PromptBox draft="new" onSent={({ sessionId }) => go(['sessions', sessionId])} />}
      <div class="panel">
        {items?.length === 0 && (
          <Empty command="codebuddy prompt 'list the files'">No sessions yet. Send a first prompt:</Empty>
        )}
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

function SessionRow({ session }: { readonly session: Session }) {
  const { id, title, status, model, messageCount, cost, updatedAt } = session;
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
        <span>{plural(messageCount, 'message')}</span>
        {cost > 0 && <span>{formatCost(cost)}</span>}
        {model !== null && <span class="cut">{model}</span>}
      </span>
    </a>
  );
}
