// The box that sends a prompt. The text stays until it is sent, even if the server is away or the page is reloaded.

import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { CodeBuddyApiError } from '../../../src/client/web.ts';
import { type PermissionMode, permissionModes } from '../../../src/contract/permission-mode.ts';
import { usableOf, useAgents } from '../../app/agents.ts';
import { may } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { attempt } from '../../parts/toast.tsx';
import { AgentChoice, lackOf, rememberAgent, rememberedAgent } from './agent-choice.tsx';
import { AttachmentRow, partsOf, useAttachments } from './attachments.tsx';
import { useFileCompletion } from './file-completion.tsx';
import { defaultPlace, placeOptions, WorkspaceChoice } from './workspace-choice.tsx';

export interface PromptBoxProps {
  /** Names the draft: a session id, or `new`. */
  readonly draft: string;
  readonly sessionId?: string;
  /** The agent of the session; for a new session, the one that is preselected. */
  readonly agent?: string | undefined;
  /** True while the session has an active run: the prompt is queued. */
  readonly isBusy?: boolean;
  /** The run that takes messages while it works: Ctrl+Enter sends to it. */
  readonly steers?: string | undefined;
  readonly onSent?: (run: { readonly id: string; readonly sessionId: string }) => void;
  readonly onEscape?: () => void;
}

const maxRows = 12;

export function PromptBox({
  draft,
  sessionId,
  agent: given,
  isBusy = false,
  steers,
  onSent,
  onEscape,
}: PromptBoxProps) {
  const key = `codebuddy.draft.${draft}`;
  const [text, setText] = useState(() => localStorage.getItem(key) ?? '');
  const [caret, setCaret] = useState(0);
  const agents = useAgents().value;
  const [chosen, setChosen] = useState(rememberedAgent);
  const [model, setModel] = useState('');
  const [mode, setMode] = useState('');
  const [budget, setBudget] = useState('');
  const [place, setPlace] = useState(defaultPlace);
  const attachments = useAttachments();
  const [isSending, setSending] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const names = useId();
  const right = may('prompt');
  const isNew = sessionId === undefined;
  // One that is no longer there cannot be chosen.
  const isThere = agents === undefined || usableOf(agents).some(({ name }) => name === chosen);
  const choice = isThere ? chosen : '';
  const agent = agents?.find(({ name, isDefault }) =>
    isNew ? (choice === '' ? isDefault : name === choice) : name === given,
  );
  const [noModel, noBudget] = [lackOf(agent, 'model'), lackOf(agent, 'maxCost')];
  const modes = agent?.permissionModes ?? permissionModes;
  useEffect(() => {
    if (isNew && given !== undefined) setChosen(given);
  }, [given]);
  const files = { sessionId, workspace: place.workspace || undefined };
  const completion = useFileCompletion(text, caret, files, (start, end, by) => {
    write(`${text.slice(0, start)}${by}${text.slice(end)}`);
    const at = start + by.length;
    setCaret(at);
    requestAnimationFrame(() => field.current?.setSelectionRange(at, at));
  });

  function write(next: string): void {
    setText(next);
    if (next === '') localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  }

  // Other effects run after the next paint: a key may come before it.
  useLayoutEffect(() => {
    if (draft === 'new') field.current?.focus();
  }, [draft]);

  async function send(): Promise<void> {
    if (text.trim() === '' || isSending || right.disabled) return;
    setSending(true);
    await attempt(async () => {
      const run = await client.runs.start({
        prompt: text,
        ...(sessionId === undefined ? {} : { sessionId }),
        ...partsOf(attachments),
        options: {
          ...(isNew && choice !== '' ? { agent: choice } : {}),
          ...(isNew ? placeOptions(place) : {}),
          ...(model.trim() === '' || noModel ? {} : { model: model.trim() }),
          ...(mode === '' || !modes.includes(mode as PermissionMode)
            ? {}
            : { permissionMode: mode as PermissionMode }),
          ...(Number(budget) > 0 && !noBudget ? { maxCost: Number(budget) } : {}),
        },
      });
      write('');
      attachments.clear();
      onSent?.(run);
    });
    setSending(false);
    field.current?.focus();
  }

  /** Sends the text to the working run; as a prompt, if it has ended meanwhile. */
  async function steer(runId: string): Promise<void> {
    if (text.trim() === '' || isSending || right.disabled) return;
    setSending(true);
    let isLate = false;
    await attempt(async () => {
      try {
        await client.runs.steer(runId, text);
        write('');
      } catch (error) {
        if (!(error instanceof CodeBuddyApiError) || error.code !== 'run_ended') throw error;
        isLate = true;
      }
    });
    setSending(false);
    if (isLate) await send();
    else field.current?.focus();
  }

  const isOpen = completion.files.length > 0;
  return (
    <form
      class="prompt-box panel"
      aria-label={sessionId === undefined ? 'New prompt' : 'Next prompt'}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {isOpen && (
        <div class="completion panel" id="files" role="listbox" aria-label="Files">
          {completion.files.map((file, index) => (
            // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus; see aria-activedescendant.
            <div
              key={file}
              id={`file-${index}`}
              role="option"
              aria-selected={index === completion.chosen}
              class="mono cut"
              onMouseDown={(event) => {
                event.preventDefault();
                completion.take(file);
              }}
            >
              {file}
            </div>
          ))}
        </div>
      )}
      <textarea
        ref={field}
        aria-label="Prompt"
        aria-controls={isOpen ? 'files' : undefined}
        aria-activedescendant={isOpen ? `file-${completion.chosen}` : undefined}
        placeholder={
          right.title ??
          (steers !== undefined
            ? 'Tell the agent, which sees it before its next step (Ctrl+Enter), or queue a prompt'
            : isBusy
              ? 'Runs after the current run (Ctrl+Enter sends)'
              : 'Ask the agent (Ctrl+Enter sends, @ completes files)')
        }
        disabled={right.disabled}
        rows={Math.min(maxRows, Math.max(2, text.split('\n').length))}
        value={text}
        onInput={({ currentTarget }) => {
          write(currentTarget.value);
          setCaret(currentTarget.selectionStart);
        }}
        onPaste={(event) => {
          const { files = [] } = event.clipboardData ?? {};
          if (files.length === 0) return;
          event.preventDefault();
          void attachments.add([...files]);
        }}
        onClick={({ currentTarget }) => setCaret(currentTarget.selectionStart)}
        onKeyDown={(event) => {
          if (completion.onKey(event)) {
            event.preventDefault();
            return;
          }
          if (event.key === 'Escape') onEscape?.();
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void (steers === undefined ? send() : steer(steers));
        }}
      />
      <div class="row wrap">
        {isNew && (
          <AgentChoice
            agents={agents ?? []}
            chosen={choice}
            onChoose={(name) => {
              setChosen(name);
              rememberAgent(name);
            }}
          />
        )}
        {isNew && <WorkspaceChoice chosen={place} onChoose={setPlace} />}
        <input
          class="model"
          list={names}
          disabled={noModel !== undefined}
          title={noModel}
          aria-label="Model"
          placeholder="default model"
          value={model}
          spellcheck={false}
          onInput={({ currentTarget }) => setModel(currentTarget.value)}
        />
        <datalist id={names}>
          {agent?.models?.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <select
          aria-label="Permission mode"
          value={mode}
          onChange={({ currentTarget }) => setMode(currentTarget.value)}
        >
          <option value="">default mode</option>
          {modes.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <label class="row quiet" title={noBudget}>
          at most $
          <input
            type="number"
            class="budget"
            min="0"
            disabled={noBudget !== undefined}
            step="0.01"
            value={budget}
            onInput={({ currentTarget }) => setBudget(currentTarget.value)}
          />
        </label>
        <AttachmentRow attachments={attachments} disabled={right.disabled} />
        <span class="grow" />
        {steers !== undefined && (
          <button
            type="button"
            class="main"
            title={right.title}
            disabled={right.disabled || isSending || text.trim() === ''}
            onClick={() => void steer(steers)}
          >
            Steer
          </button>
        )}
        <button
          type="submit"
          class={steers === undefined ? 'main' : undefined}
          title={right.title}
          disabled={right.disabled || isSending || text.trim() === ''}
        >
          {isBusy ? 'Queue' : 'Send'}
        </button>
      </div>
    </form>
  );
}
