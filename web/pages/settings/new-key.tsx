// Creates a key. The key itself is shown once.

import { useState } from 'preact/hooks';
import { keyLimitsSchema, type Scope, scopes } from '../../../src/contract/api-key.ts';
import { client } from '../../app/sign-in.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { DoneDialog } from '../../parts/done-dialog.tsx';
import { Secret } from '../../parts/secret.tsx';
import { ErrorNotice } from '../../parts/state.tsx';

const meanings: Readonly<Record<Scope, string>> = {
  read: 'see sessions, events, webhooks and figures',
  prompt: 'send prompts, cancel and resume runs',
  tools: 'run tools, and allow or deny permissions',
  admin: 'manage webhooks and keys, see the settings',
};

export interface NewKeyProps {
  readonly onClose: () => void;
  readonly onCreated: () => void;
}

export function NewKey({ onClose, onCreated }: NewKeyProps) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly Scope[]>(['read']);
  const [requests, setRequests] = useState('');
  const [prompts, setPrompts] = useState('');
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const [key, setKey] = useState<string>();

  async function create(): Promise<void> {
    setSending(true);
    try {
      const limits = {
        ...(requests === '' ? {} : { requestsPerMinute: Number(requests) }),
        ...(prompts === '' ? {} : { promptsPerMinute: Number(prompts) }),
      };
      setKey((await client.keys.create({ name, scopes: chosen, limits })).key);
      onCreated();
    } catch (reason) {
      setError(reason);
    }
    setSending(false);
  }

  if (key !== undefined)
    return (
      <DoneDialog key="created" title="The key is created" onClose={onClose}>
        <p>Copy it now: it is shown only once.</p>
        <Secret name="Key" value={key} />
        <p class="quiet">
          Send it as <code>X-API-Key</code>, or set <code>CODEBUDDY_API_KEY</code> for the CLI.
        </p>
      </DoneDialog>
    );
  return (
    <Dialog
      key="new"
      title="New key"
      onClose={onClose}
      footer={
        <>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            form="new-key"
            class="main"
            disabled={isSending || name.trim() === '' || chosen.length === 0}
          >
            Create key
          </button>
        </>
      }
    >
      <form
        id="new-key"
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        {error !== undefined && <ErrorNotice error={error} />}
        <div class="field">
          <label for="key-name">Name</label>
          <input
            id="key-name"
            maxLength={100}
            placeholder="ci"
            autocomplete="off"
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
          <p class="hint">Distinguishes the key from other keys.</p>
        </div>
        <fieldset class="field">
          <legend>Scopes</legend>
          {scopes.map((scope) => (
            <label key={scope} class="check">
              <input
                type="checkbox"
                checked={chosen.includes(scope)}
                onChange={({ currentTarget: { checked } }) =>
                  setChosen(scopes.filter((one) => (one === scope ? checked : chosen.includes(one))))
                }
              />
              <span>
                {scope} <span class="quiet">{meanings[scope]}</span>
              </span>
            </label>
          ))}
          <p class="hint">No scope includes another.</p>
        </fieldset>
        <PerMinute name="Requests" value={requests} onChange={setRequests} />
        <PerMinute name="Prompts" value={prompts} onChange={setPrompts} />
      </form>
    </Dialog>
  );
}

interface PerMinuteProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function PerMinute({ name, value, onChange }: PerMinuteProps) {
  return (
    <label class="field">
      <span>{name} per minute</span>
      <input
        type="number"
        min={1}
        max={keyLimitsSchema.properties.requestsPerMinute.maximum}
        placeholder="no limit"
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  );
}
