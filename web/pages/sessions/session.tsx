// One session: its transcript in a reading width, and the box for the next prompt.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { pendingPermissions } from '../../app/pending-permissions.ts';
import { useResource } from '../../app/resource.ts';
import { go, hrefOf } from '../../app/router.ts';
import { useKeys } from '../../app/shortcuts.ts';
import { client } from '../../app/sign-in.ts';
import { formatCost, plural } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { Content, ErrorNotice } from '../../parts/state.tsx';
import { attempt } from '../../parts/toast.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { PermissionCard } from '../permissions/permission-card.tsx';
import { PromptBox } from './prompt-box.tsx';
import { useTranscript } from './transcript.ts';
import { type Row, rowKey, rowsOf, TranscriptRow } from './transcript-rows.tsx';

/** Two presses of Escape within this time cancel the run, in ms. */
const twiceMs = 800;

export function SessionView({
  id,
}: {
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
}) {
  const session = useResource(`session ${id}`, (signal) => client.sessions.get(id, { signal }), {
    changedBy: ['run.', 'message.', 'session.'],
    sessionId: id,
  });
  const runs = useResource(
    `runs of ${id}`,
    (signal) => client.runs.list({ sessionId: id, limit: 1 }, { signal }),
    {
      changedBy: ['run.', 'permission.'],
      sessionId: id,
    },
  );
  const transcript = useTranscript(id);
  const run = runs.value?.runs[0];
  const isActive = run !== undefined && ['queued', 'running', 'waiting'].includes(run.status);
  const mayResume = run?.status === 'interrupted' || run?.status === 'failed';

  const cancel = (): void => {
    if (run !== undefined && isActive)
      void attempt(() => client.runs.cancel(run.id), 'The run is cancelled.');
  };
  const escapedAt = useRef(0);
  useKeys({
    Escape: () => {
      const now = performance.now();
      if (now - escapedAt.current < twiceMs) cancel();
      escapedAt.current = now;
    },
  });

  return (
    <div class="reading">
      <Content of={session}>
        {({ title, messageCount, cost, model, usage, forkedFrom }) => (
          <header class="stack">
            <div class="row wrap">
              <h1 class="grow">{title}</h1>
              <div class="actions row wrap">
                {isActive && (
                  <button type="button" onClick={cancel}>
                    Cancel the run
                  </button>
                )}
                {mayResume && (
                  <button
                    type="button"
                    onClick={() => attempt(() => client.runs.resume(run.id), 'The run is resumed.')}
                  >
                    Resume
                  </button>
                )}
                <button
                  type="button"
                  onClick={() =>
                    attempt(async () => {
                      const fork = await client.sessions.fork(id);
                      go(['sessions', fork.id]);
                    })
                  }
                >
                  Fork
                </button>
              </div>
            </div>
            <div class="row wrap quiet">
              <Id id={id} />
              <span>{plural(messageCount, 'message')}</span>
              <span>{plural(usage.totalTokens, 'token')}</span>
              <span>{formatCost(cost)}</span>
              {model !== null && <span>{model}</span>}
              {forkedFrom !== null && <a href={hrefOf(['sessions', forkedFrom.sessionId])}>a fork</a>}
            </div>
          </header>
        )}
      </Content>
      {transcript.error !== undefined && <ErrorNotice error={transcript.error} retry={transcript.reload} />}
      {transcript.hasOlder && (
        <button type="button" class="bare" onClick={transcript.loadOlder}>
          Load older messages
        </button>
      )}
      <Rows rows={rowsOf(transcript)} />
      {pendingPermissions.value
        .filter(({ sessionId }) => sessionId === id)
        .map((permission) => (
          <PermissionCard key={permission.id} permission={permission} />
        ))}
      {run?.status === 'queued' && <p class="quiet">The run waits for its turn.</p>}
      <div class="prompt-place">
        <PromptBox draft={id} sessionId={id} />
      </div>
    </div>
  );
}

/** Follows its end while the reader is there. */
function Rows({ rows }: { readonly rows: readonly Row[] }) {
  const [isAtEnd, setAtEnd] = useState(true);
  const hasRows = rows.length > 0;
  useEffect(() => {
    const update = (): void => setAtEnd(innerHeight + scrollY >= document.documentElement.scrollHeight - 80);
    addEventListener('scroll', update, { passive: true });
    return () => removeEventListener('scroll', update);
  }, []);
  useLayoutEffect(() => {
    if (isAtEnd) scrollTo(0, document.documentElement.scrollHeight);
  });
  return hasRows ? (
    <VirtualList
      label="Transcript"
      items={rows}
      keyOf={rowKey}
      rowHeight={80}
      render={(row) => <TranscriptRow row={row} />}
    />
  ) : null;
}
