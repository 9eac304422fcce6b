// The box that sends a prompt. What is written stays until it is sent, also if the server is away or the page is loaded
// again.

import { useEffect, useRef, useState } from 'preact/hooks';
import { permissionModes } from '../../../src/contract/permission-mode.ts';
import { client, signIn } from '../../app/sign-in.ts';
import { attempt } from '../../parts/toast.tsx';

export interface PromptBoxProps {
  /** Names the draft: a session id, or `new`. */
  readonly draft: string;
  readonly sessionId?: string;
  readonly onSent?: (run: { readonly id: string; readonly sessionId: string }) => void;
}

export function PromptBox({ draft, sessionId, onSent }: PromptBoxProps) {
  const key = `codebuddy.draft.${draft}`;
  const [text, setText] = useState(() => localStorage.getItem(key) ?? '');
  const [mode, setMode] = useState('');
  const [budget, setBudget] = useState('');
  const [isSending, setSending] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const { status } = signIn.value;
  const mayPrompt = status === 'in' && signIn.value.caller.scopes.includes('prompt');

  useEffect(() => {
    if (text === '') localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  }, [key, text]);
  useEffect(() => {
    if (draft === 'new') field.current?.focus();
  }, [draft]);

  async function send(): Promise<void> {
    if (text.trim() === '' || isSending) return;
    setSending(true);
    await attempt(async () => {
      const run = await client.runs.start({
        prompt: text,
        ...(sessionId === undefined ? {} : { sessionId }),
        options: {
          ...(mode === '' ? {} : { permissionMode: mode as (typeof permissionModes)[number] }),
          ...(Number(budget) > 0 ? { maxCost: Number(budget) } : {}),
        },
      });
      setText('');
      onSent?.(run);
    });
    setSending(false);
  }

  return (
    <form
      class="prompt-box panel"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        ref={field}
        aria-label="Prompt"
        placeholder={mayPrompt ? 'Ask the agent (Ctrl+Enter sends)' : 'Your key lacks the scope "prompt".'}
        disabled={!mayPrompt}
        rows={Math.min(12, Math.max(2, text.split('\n').length))}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          void send();
        }}
      />
      <div class="row wrap">
        <select
          aria-label="Permission mode"
          value={mode}
          onChange={({ currentTarget }) => setMode(currentTarget.value)}
        >
          <option value="">mode of the server</option>
          {permissionModes.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <label class="row quiet">
          at most $
          <input
            type="number"
            min="0"
            step="0.01"
            style={{ width: '5.5rem' }}
            value={budget}
            onInput={({ currentTarget }) => setBudget(currentTarget.value)}
          />
        </label>
        <span class="grow" />
        <button type="submit" class="main" disabled={!mayPrompt || isSending || text.trim() === ''}>
          Send
        </button>
      </div>
    </form>
  );
}
