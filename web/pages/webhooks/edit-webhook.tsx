// Changes the settings of a webhook. Only changed fields are sent, so that changes made elsewhere meanwhile are kept.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Webhook, WebhookPatch } from '../../../src/client/web.ts';
import { webhookPatchSchema } from '../../../src/contract/webhook-input.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { fieldErrorsOf } from '../../parts/form-schema.ts';
import type { FormValue } from '../../parts/schema-form.tsx';
import { ErrorNotice } from '../../parts/state.tsx';
import { notify } from '../../parts/toast.tsx';
import { WebhookForm } from './webhook-form.tsx';

export interface EditProps {
  readonly webhook: Webhook;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export function EditWebhook({ webhook, onClose, onSaved }: EditProps) {
  const [before] = useState(() => settingsOf(webhook));
  const [value, setValue] = useState<FormValue>(before);
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const lack = lackOf('admin');
  const patch = changesOf(before, value);
  const isUnchanged = Object.keys(patch).length === 0;

  async function save(): Promise<void> {
    setSending(true);
    setError(undefined);
    try {
      await client.webhooks.update(webhook.id, patch);
      notify('Saved.');
      onSaved();
    } catch (reason) {
      setError(reason);
      setSending(false);
    }
  }

  // The button that opened it may be far above.
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus(), []);
  return (
    <form
      ref={form}
      class="panel"
      aria-label="Edit the settings"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <header>
        <h2>Settings</h2>
      </header>
      <div class="body stack">
        {error !== undefined && <ErrorNotice error={error} />}
        <WebhookForm
          schema={webhookPatchSchema}
          value={value}
          onChange={setValue}
          errors={fieldErrorsOf(error)}
        />
        <div class="row">
          <button
            type="submit"
            class="main"
            disabled={isSending || isUnchanged || lack !== undefined}
            title={lack ?? (isUnchanged ? 'Nothing has changed.' : undefined)}
          >
            Save
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </div>
    </form>
  );
}

/** What the form shows. The secret is not known here. */
function settingsOf(webhook: Webhook): FormValue {
  const names = Object.keys(webhookPatchSchema.properties);
  const entries = Object.entries(webhook).filter(([name]) => names.includes(name));
  return Object.fromEntries(entries);
}

/** The values that stand for a cleared field. */
const cleared: FormValue = { name: '', description: '', headers: {}, events: ['*'], tls: null };

function changesOf(before: FormValue, after: FormValue): WebhookPatch {
  const names = Object.keys(webhookPatchSchema.properties);
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const entries = changed.flatMap((name) => {
    const value = after[name] === undefined ? cleared[name] : after[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries) as WebhookPatch;
}
