// What a session has changed, as diffs, with undo and redo. Both show first what they would do to each file.

import { useState } from 'preact/hooks';
import type { SessionChange, UndoResult } from '../../../src/client/web.ts';
import { allOf } from '../../app/all-of.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { CodeArea } from '../../parts/code-area.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { plural } from '../../parts/format.ts';
import { Content, Empty } from '../../parts/state.tsx';
import { attempt } from '../../parts/toast.tsx';
import { visible } from '../permissions/visible.tsx';

interface Preview {
  readonly action: 'undo' | 'redo';
  readonly result: UndoResult;
}

export function SessionChanges({ sessionId }: { readonly sessionId: string }) {
  const changes = useResource(
    `files changed by ${sessionId}`,
    (signal) => allOf(client.sessions.changes(sessionId, { limit: 100 }, { signal })),
    { changedBy: ['tool.', 'run.', 'session.', 'file.'] },
  );
  const session = useResource(`session ${sessionId}`, (signal) => client.sessions.get(sessionId, { signal }));
  const [preview, setPreview] = useState<Preview>();
  const right = may('tools');
  const look = (action: Preview['action']): void =>
    void attempt(async () => {
      setPreview({ action, result: await client.sessions[action](sessionId, { dryRun: true }) });
    });
  return (
    <>
      <header>
        <h1>Changes of a session</h1>
        <a href={hrefOf(['sessions', sessionId])}>session</a>
        <a href={hrefOf(['files'], { workspace: session.value?.workspace })}>all files</a>
        <div class="actions row">
          <button type="button" {...right} onClick={() => look('undo')}>
            Undo the last prompt
          </button>
          <button type="button" {...right} onClick={() => look('redo')}>
            Redo
          </button>
        </div>
      </header>
      <Content of={changes}>
        {(all) =>
          all.length === 0 ? (
            <Empty>The session has changed no files.</Empty>
          ) : (
            <div class="stack">
              {all.map((change) => (
                <Change key={change.path} change={change} />
              ))}
            </div>
          )
        }
      </Content>
      {preview !== undefined && (
        <Confirm
          title={preview.action === 'undo' ? 'Undo the last prompt?' : 'Redo it?'}
          action={preview.action === 'undo' ? 'Undo' : 'Redo'}
          done={preview.action === 'undo' ? 'The prompt is undone.' : 'The undo is taken back.'}
          isHarmless
          work={() => client.sessions[preview.action](sessionId)}
          onClose={() => setPreview(undefined)}
          onDone={changes.reload}
        >
          <p>
            {plural(preview.result.messages, 'message')}{' '}
            {preview.action === 'undo' ? 'will be hidden.' : 'will come back.'} A new prompt makes undos
            final.
          </p>
          <ul>
            {preview.result.files.map(({ path, outcome, message }) => (
              <li key={path}>
                <span class="mono">{visible(path)}</span>{' '}
                <span class={outcome === 'refused' ? 'bad' : 'quiet'}>
                  {outcome}
                  {message === undefined ? '' : `: ${message}`}
                </span>
              </li>
            ))}
          </ul>
        </Confirm>
      )}
    </>
  );
}

function Change({ change }: { readonly change: SessionChange }) {
  const { path, additions, deletions, diff, noDiff, changedSince, renamedFrom } = change;
  return (
    <details class="panel" open={diff !== null && diff.length < 4000}>
      <summary class="row wrap">
        <span class="mono grow">{visible(path)}</span>
        <span class="quiet">{renamedFrom === null ? change.change : `renamed from ${renamedFrom}`}</span>
        {changedSince && <span class="chip warn">changed since by someone else</span>}
        {additions !== null && (
          <span class="number">
            <span class="good">+{additions}</span> <span class="bad">−{deletions}</span>
          </span>
        )}
      </summary>
      {diff === null ? (
        <p class="quiet">No diff: {(noDiff ?? '').replaceAll('_', ' ')}.</p>
      ) : (
        <CodeArea label={`Diff of ${path}`} isExact>
          {diff.split('\n').map((line, index) => (
            <span key={index} class={line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : ''}>
              {visible(line)}
              {'\n'}
            </span>
          ))}
        </CodeArea>
      )}
    </details>
  );
}
