// Creates a trigger, and shows once what to enter at the sender. The input survives a reload.

import { useEffect, useState } from 'preact/hooks';
import type { CreatedTrigger } from '../../../src/client/web.ts';
import { type TriggerInput, triggerInputSchema } from '../../../src/contract/trigger.ts';
import { go, hrefOf } from '../../app/router.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { fieldErrorsOf } from '../../parts/form-schema.ts';
import type { FormValue } from '../../parts/schema-form.tsx';
import { Secret } from '../../parts/secret.tsx';
import { ErrorNotice } from '../../parts/state.tsx';
import { TriggerForm } from './trigger-form.tsx';

const draftKey = 'codebuddy.draft.trigger';

export function NewTrigger() {
  const [value, setValue] = useState<FormValue>(readDraft);
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const [created, setCreated] = useState<CreatedTrigger>();
  const lack = lackOf('admin');
  useEffect(() => {
    // A secret is kept nowhere.
    const { secret: _, ...draft } = value;
    localStorage.setItem(draftKey, JSON.stringify(draft));
  }, [value]);

  async function create(): Promise<void> {
    setSending(true);
    try {
      setCreated(await client.triggers.create(value as TriggerInput));
      setError(undefined);
      localStorage.removeItem(draftKey);
    } catch (reason) {
      setError(reason);
    } finally {
      setSending(false);
    }
  }

  return (
    <div class="reading">
      <header class="row">
        <h1>New trigger</h1>
      </header>
      <form
        class="panel"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void create();
        }}
      >
        <div class="body stack">
          {error !== undefined && <ErrorNotice error={error} />}
          <TriggerForm
            schema={triggerInputSchema}
            value={value}
            onChange={setValue}
            errors={fieldErrorsOf(error)}
          />
          <div class="row">
            <button type="submit" class="main" disabled={isSending || lack !== undefined} title={lack}>
              Create trigger
            </button>
            <a class="button" href={hrefOf(['triggers'])}>
              Cancel
            </a>
          </div>
        </div>
      </form>
      {created !== undefined && (
        <CreatedDialog trigger={created} onClose={() => go(['triggers', created.id])} />
      )}
    </div>
  );
}

interface CreatedProps {
  readonly trigger: CreatedTrigger;
  readonly onClose: () => void;
}

function CreatedDialog({ trigger: { path, secret, source, permissionMode }, onClose }: CreatedProps) {
  return (
    <Dialog
      title="The trigger is created"
      onClose={onClose}
      footer={
        <button type="button" class="main" onClick={onClose}>
          Done
        </button>
      }
    >
      <div class="stack">
        {path !== null && <Secret name="URL" value={location.origin + path} />}
        {secret !== null && (
          <>
            <Secret name="Secret" value={secret} />
            <p>Enter both at the sender now: the secret is shown only once.</p>
          </>
        )}
        {source === 'github' && <p>At GitHub, choose the content type application/json.</p>}
        <p>Its runs are {permissionMode}.</p>
      </div>
    </Dialog>
  );
}

function readDraft(): FormValue {
  try {
    return JSON.parse(localStorage.getItem(draftKey) ?? '{}') as FormValue;
  } catch {
    return {};
  }
}
