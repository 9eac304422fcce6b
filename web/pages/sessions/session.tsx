// One session: its transcript in a reading width, what it has changed beside it, and the box for the next prompt.

import { useMemo, useRef } from 'preact/hooks';
import type { Run } from '../../../src/client/web.ts';
import { builtinAgent } from '../../../src/contract/agent-names.ts';
import { contentOf, inbox } from '../../app/inbox.ts';
import { useKeys } from '../../app/keys.ts';

import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { useTitle } from '../../app/title.ts';
import { useFollowEnd } from '../../parts/follow-end.ts';
import { formatCost, plural } from '../../parts/format.ts';
import { Id } from '../../parts/id.tsx';
import { Content, Empty, ErrorNotice } from '../../parts/state.tsx';
import { attempt } from '../../parts/toast.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { InboxList } from '../permissions/inbox-list.tsx';
import { useAgentStatus } from './agent-status.ts';
import { originNames } from './origin-names.ts';
import { PromptBox } from './prompt-box.tsx';
import { pastRows, presentRows, rowKey } from './rows.ts';
import { forkSession, SessionActions } from './session-actions.tsx';
import { SessionSide } from './session-side.tsx';
import { useTranscript } from './transcript.ts';
import { TranscriptRow } from './transcript-rows.tsx';

/** Two presses of Escape within this time cancel the run, in ms. */
const twiceMs = 800;
/** More than a session can have active and queued. */
const maxRuns = 20;

export function SessionView({ id }: { readonly id: string }) {
  const session = useResource(`session ${id}`, (signal) => client.sessions.get(id, { signal }), {
    changedBy: ['run.', 'message.', 'session.', 'plan.update'],
    sessionId: id,
  });
  const list = useResource(
    `runs of ${id}`,
    (signal) => client.runs.list({ sessionId: id, limit: maxRuns }, { signal }),
    { changedBy: ['run.', 'message.user', 'permission.'], sessionId: id },
  );
  const transcript = useTranscript(id);
  const { messages = [], ends, cursor } = transcript;
  const past = useMemo(() => pastRows(messages, ends, cursor !== null), [messages, ends, cursor]);
  const rows = useMemo(
    () => [...past, ...presentRows(transcript)],
    [past, transcript.openCalls, transcript.text, transcript.isTextWhole],
  );
  useFollowEnd(transcript.messages !== undefined, id);
  useTitle(session.value?.title);

  const runs = list.value?.runs ?? [];
  const queued = runs.filter(({ status }) => status === 'queued').reverse();
  const current = runs.find(({ status }) => status === 'running' || status === 'waiting');
  const active = current ?? queued[0];
  const [last] = runs;
  const mayResume = active === undefined && (last?.status === 'interrupted' || last?.status === 'failed');
  const right = may('prompt');
  const status = useAgentStatus(id);
  const waiting = useMemo(
    () => inbox.value.filter((item) => contentOf(item).sessionId === id),
    [inbox.value, id],
  );

  const cancel = (run: Run | undefined = active): void => {
    if (run !== undefined && !right.disabled)
      void attempt(() => client.runs.cancel(run.id), 'The run is cancelled.');
  };
  const escapedAt = useRef(Number.NEGATIVE_INFINITY);
  const onEscape = (): void => {
    const now = performance.now();
    const isTwice = now - escapedAt.current < twiceMs;
    escapedAt.current = isTwice ? Number.NEGATIVE_INFINITY : now;
    if (isTwice) cancel();
  };
  useKeys({ Escape: onEscape });

  return (
    <div class="session">
      <div class="reading">
        <Content of={session}>
          {(value) => (
            <header class="stack">
              <div class="row wrap">
                <h1 class="grow title">{value.title}</h1>
                <div class="actions row wrap">
                  {active !== undefined && (
                    <button type="button" {...right} onClick={() => cancel()}>
                      Cancel the run
                    </button>
                  )}
                  {mayResume && last !== undefined && (
                    <button
                      type="button"
                      class="main"
                      {...right}
                      onClick={() => attempt(() => client.runs.resume(last.id), 'The run is resumed.')}
                    >
                      Resume the run
                    </button>
                  )}
                  <SessionActions session={value} onChanged={session.reload} />
                </div>
              </div>
              <div class="row wrap quiet">
                <Id id={id} />
                <span>agent {value.agent}</span>
                <a
                  class="cut"
                  title={value.workspace}
                  href={hrefOf(['files'], { workspace: value.workspace })}
                >
                  files in <span class="mono">{value.workspace.split(/[\\/]/).at(-1)}</span>
                </a>
                {value.worktree !== undefined && <span>branch {value.worktree.branch}</span>}
                <span>{plural(value.messageCount, 'message')}</span>
                <span>{plural(value.usage.totalTokens, 'token')}</span>
                <span>{formatCost(value.cost)}</span>
                {value.model !== null && <span>{value.model}</span>}
                {value.origin !== 'rest' && <span>came in by {originNames[value.origin]}</span>}
                {value.forkedFrom !== null && (
                  <a href={hrefOf(['sessions', value.forkedFrom.sessionId])}>forked from another session</a>
                )}
                <a href={hrefOf(['events'], { sessionId: id })}>events</a>
              </div>
            </header>
          )}
        </Content>
        {transcript.error !== undefined && <ErrorNotice error={transcript.error} retry={transcript.reload} />}
        {cursor !== null && (
          <button type="button" class="bare" onClick={transcript.loadOlder}>
            Load older messages
          </button>
        )}
        {transcript.messages?.length === 0 && rows.length === 0 && (
          <Empty>No messages yet. Send a prompt below.</Empty>
        )}
        {rows.length > 0 && (
          <VirtualList
            label="Transcript"
            items={rows}
            keyOf={rowKey}
            rowHeight={60}
            holdsStart
            onStart={transcript.loadOlder}
            render={(row) => (
              <TranscriptRow
                row={row}
                fork={right.disabled ? undefined : (message) => void forkSession(id, message.id)}
              />
            )}
          />
        )}
        <InboxList items={waiting} />
        {current !== undefined && (
          <p class="quiet working" role="status">
            {current.status === 'waiting'
              ? 'The run is waiting for your answer.'
              : (status ?? 'The agent is working.')}{' '}
            Press Esc twice to cancel.
          </p>
        )}
        <Queue runs={current === undefined ? queued.slice(1) : queued} cancel={cancel} />
        <div class="prompt-place">
          <PromptBox
            draft={id}
            sessionId={id}
            agent={session.value?.agent}
            isBusy={active !== undefined}
            steers={session.value?.agent === builtinAgent ? current?.id : undefined}
            onEscape={onEscape}
          />
        </div>
      </div>
      <SessionSide sessionId={id} plan={session.value?.plan ?? []} messages={messages} />
    </div>
  );
}

function Queue({ runs, cancel }: { readonly runs: readonly Run[]; readonly cancel: (run: Run) => void }) {
  if (runs.length === 0) return null;
  return (
    <section aria-label="Waiting prompts">
      <p class="quiet">{plural(runs.length, 'prompt')} waiting:</p>
      <ul class="list panel">
        {runs.map((run) => (
          <li key={run.id}>
            <span class="cut grow">{run.prompt}</span>
            <button type="button" {...may('prompt')} onClick={() => cancel(run)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
