// Beside the transcript: the plan of the agent, the files that the session has changed, and its forks.

import { useMemo, useState } from 'preact/hooks';
import type { LoggedEvent, Message } from '../../../src/client/web.ts';
import type { PlanEntry } from '../../../src/contract/plan.ts';
import { useResource } from '../../app/resource.ts';
import { hrefOf } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { formatCount, plural } from '../../parts/format.ts';
import { EditDiff, isEdit, linesOf } from './edit-diff.tsx';
import { Plan } from './plan.tsx';

interface ChangedFile {
  readonly path: string;
  readonly how: 'created' | 'changed' | 'deleted';
  readonly edits: readonly Message[];
}

const maxEvents = 200;
const maxForks = 50;

export interface SessionSideProps {
  readonly sessionId: string;
  readonly plan: readonly PlanEntry[];
  /** Those that are loaded. */
  readonly messages: readonly Message[];
}

export function SessionSide({ sessionId, plan, messages }: SessionSideProps) {
  const changes = useResource(
    `changes of ${sessionId}`,
    (signal) =>
      client.events.list({ sessionId, type: 'file.*', order: 'desc', limit: maxEvents }, { signal }),
    { changedBy: ['file.'], sessionId },
  );
  const forks = useResource(
    `forks of ${sessionId}`,
    (signal) => client.sessions.list({ forkedFrom: sessionId, limit: maxForks }, { signal }),
    { changedBy: ['session.'] },
  );
  const files = useMemo(() => filesOf(changes.value?.events ?? [], messages), [changes.value, messages]);
  const [open, setOpen] = useState<string>();
  const shown = files.find(({ path }) => path === open);
  return (
    <aside class="side stack" aria-label="Of this session">
      <Plan entries={plan} />
      <section>
        <h2>
          {plural(files.length, 'changed file')}
          {changes.value?.nextCursor ? ` of the newest ${maxEvents} changes` : ''}
        </h2>
        {files.length === 0 && <p class="quiet">Files that the agent creates or edits are listed here.</p>}
        {files.length > 0 && <a href={hrefOf(['files'], { session: sessionId })}>Diffs, undo and redo</a>}
        <ul>
          {files.map((file) => (
            <li key={file.path}>
              <button
                type="button"
                class="bare file"
                title={file.path}
                disabled={file.edits.length === 0}
                onClick={() => setOpen(file.path)}
              >
                <span class="mono grow file-path">{file.path}</span>
                <Lines file={file} />
              </button>
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>{plural(forks.value?.sessions.length ?? 0, 'fork')}</h2>
        <ul>
          {forks.value?.sessions.map(({ id, title, messageCount }) => (
            <li key={id}>
              <a href={hrefOf(['sessions', id])}>{title}</a>{' '}
              <span class="quiet">{plural(messageCount, 'message')}</span>
            </li>
          ))}
        </ul>
      </section>
      {shown !== undefined && (
        <Dialog title={shown.path} onClose={() => setOpen(undefined)}>
          <div class="stack">
            {shown.edits.map((edit) =>
              edit.tool === undefined ? null : <EditDiff key={edit.id} tool={edit.tool} />,
            )}
          </div>
        </Dialog>
      )}
    </aside>
  );
}

function Lines({ file: { how, edits } }: { readonly file: ChangedFile }) {
  const [added, removed] = useMemo(() => {
    const lines = edits.flatMap(({ tool }) => linesOf(tool?.params));
    const count = (sign: string): number =>
      lines.filter((line) => line.sign === sign && line.text !== '').length;
    return [count('+'), count('-')];
  }, [edits]);
  if (edits.length === 0) return <span class="quiet">{how}</span>;
  return (
    <span class="number" title={`${how}: lines added and removed by the edits that are loaded`}>
      {how !== 'changed' && <span class="quiet">{how} </span>}
      <span class="good">+{formatCount(added)}</span> <span class="bad">−{formatCount(removed)}</span>
    </span>
  );
}

/** `events`: newest first. */
function filesOf(events: readonly LoggedEvent[], messages: readonly Message[]): readonly ChangedFile[] {
  const edits = messages.filter(({ tool }) => isEdit(tool) && !tool.isError);
  const files = new Map<string, ChangedFile>();
  for (const { type, data } of events) {
    const { path } = data as { readonly path: string };
    const known = files.get(path);
    const how =
      known?.how === 'deleted' || type === 'file.delete'
        ? 'deleted'
        : type === 'file.create'
          ? 'created'
          : 'changed';
    if (known === undefined)
      files.set(path, { path, how, edits: edits.filter(({ tool }) => isSame(path, tool?.params)) });
    else if (known.how === 'changed') files.set(path, { ...known, how });
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Events have paths relative to the workspace; a model may write others. */
function isSame(path: string, params: unknown): boolean {
  const given = String((params as { readonly path?: unknown } | undefined)?.path ?? '').replace(/^\.\//, '');
  return given === path || given.endsWith(`/${path}`);
}
