// Creates a key. The key itself is shown once.

import { useState } from 'preact/hooks';
import { type Scope, scopes } from '../../../src/contract/api-key.ts';
import { client } from '../../app/sign-in.ts';
import { DoneDialog } from '../../parts/done-dialog.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { Secret } from '../../parts/secret.tsx';
import { KeyLimits, limitsOf, typedLimits } from './key-limits.tsx';

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
  const [limits, setLimits] = useState(() => typedLimits());
  const [key, setKey] = useState<string>();

  async function create(): Promise<void> {
    setKey((await client.keys.create({ name, scopes: chosen, limits: limitsOf(limits) })).key);
    onCreated();
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
    <FormDialog
      key="new"
      title="New key"
      action="Create key"
      isDisabled={name.trim() === '' || chosen.length === 0}
      submit={create}
      onClose={onClose}
    >
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
      <KeyLimits value={limits} onChange={setLimits} />
    </FormDialog>
  );
}
