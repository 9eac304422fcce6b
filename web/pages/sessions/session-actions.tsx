// The actions of a session: rename, fork, archive, export, delete.

import { useState } from 'preact/hooks';
import type { Session } from '../../../src/client/web.ts';
import { go } from '../../app/router.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { formatCount, plural } from '../../parts/format.ts';
import { attempt, notify } from '../../parts/toast.tsx';

const maxTitle = 200;

/** Forks a session up to a message (default: all of it), and opens the fork. */
export function forkSession(id: string, messageId?: string): Promise<boolean> {
  return attempt(async () => {
    const fork = await client.sessions.fork(id, messageId === undefined ? {} : { messageId });
    go(['sessions', fork.id]);
  }, 'The session is forked.');
}

function compact(id: string): Promise<boolean> {
  return attempt(async () => {
    const { reason, tokensBefore, tokensAfter } = await client.sessions.compact(id);
    notify(reason ?? `About ${plural(tokensBefore, 'token')} became ${formatCount(tokensAfter)}.`);
  });
}

export interface SessionActionsProps {
  readonly session: Session;
  readonly onChanged: () => void;
}

export function SessionActions({ session, onChanged }: SessionActionsProps) {
  const { id } = session;
  const [open, setOpen] = useState<'rename' | 'delete'>();
  const [isCompacting, setCompacting] = useState(false);
  const right = may('prompt');
  const close = (): void => setOpen(undefined);
  return (
    <>
      <button type="button" {...right} onClick={() => forkSession(id)}>
        Fork
      </button>
      <button
        type="button"
        {...right}
        disabled={right.disabled || isCompacting || session.status !== 'idle'}
        onClick={async () => {
          setCompacting(true);
          await compact(id);
          setCompacting(false);
          onChanged();
        }}
      >
        {isCompacting ? 'Compacting…' : 'Compact'}
      </button>
      <button type="button" {...right} onClick={() => setOpen('rename')}>
        Rename
      </button>
      <button
        type="button"
        {...right}
        onClick={async () => {
          const archived = !session.archived;
          const done = archived ? 'The session is archived.' : 'The session is back in the list.';
          if (await attempt(() => client.sessions.update(id, { archived }), done)) onChanged();
        }}
      >
        {session.archived ? 'Unarchive' : 'Archive'}
      </button>
      <select
        aria-label="Export"
        value=""
        onChange={({ currentTarget }) => {
          const format = currentTarget.value === 'json' ? 'json' : 'markdown';
          currentTarget.value = '';
          void attempt(() => download(id, format));
        }}
      >
        <option value="">Export</option>
        <option value="markdown">as Markdown</option>
        <option value="json">as JSON</option>
      </select>
      <button type="button" class="danger" {...right} onClick={() => setOpen('delete')}>
        Delete
      </button>
      {open === 'rename' && <Rename session={session} onClose={close} onChanged={onChanged} />}
      {open === 'delete' && <Delete session={session} onClose={close} />}
    </>
  );
}

interface DialogProps {
  readonly session: Session;
  readonly onClose: () => void;
}

function Rename({ session: { id, title }, onClose, onChanged }: DialogProps & SessionActionsProps) {
  const [text, setText] = useState(title);
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!(await attempt(() => client.sessions.update(id, { title: text.trim() })))) return;
    onChanged();
    onClose();
  };
  return (
    <Dialog title="Rename the session" onClose={onClose}>
      <form class="stack" onSubmit={save}>
        <label class="field">
          Title
          <input
            value={text}
            maxLength={maxTitle}
            required
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <div class="row">
          <button type="submit" class="main" disabled={text.trim() === ''}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ session: { id, title, messageCount }, onClose }: DialogProps) {
  return (
    <Confirm
      title="Delete the session?"
      action="Delete session"
      done="The session is deleted."
      work={() => client.sessions.delete(id)}
      onClose={onClose}
      onDone={() => go(['sessions'])}
    >
      <p>
        “{title}” is deleted, with {plural(messageCount, 'message')} and its runs. This cannot be undone. Its
        events stay in the log, and its files stay as they are.
      </p>
    </Confirm>
  );
}

async function download(id: string, format: 'json' | 'markdown'): Promise<void> {
  const [text, type, ending] =
    format === 'json'
      ? [
          JSON.stringify(await client.sessions.export(id, { format: 'json' }), null, 2),
          'application/json',
          'json',
        ]
      : [await client.sessions.export(id, { format: 'markdown' }), 'text/markdown', 'md'];
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: `${id}.${ending}` });
  link.click();
  // The browser has taken the content once the download has begun.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
