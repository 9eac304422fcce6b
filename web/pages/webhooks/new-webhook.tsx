// Creates a webhook, and shows its secret once. The input survives a reload and a server that is away.

import { useEffect, useState } from 'preact/hooks';
import type { CreatedWebhook } from '../../../src/client/web.ts';
import { type WebhookInput, webhookInputSchema } from '../../../src/contract/webhook-input.ts';
import { go, hrefOf } from '../../app/router.ts';
import { lackOf } from '../../app/scope.ts';
import { client } from '../../app/sign-in.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { fieldErrorsOf } from '../../parts/form-schema.ts';
import type { FormValue } from '../../parts/schema-form.tsx';
import { Secret } from '../../parts/secret.tsx';
import { ErrorNotice } from '../../parts/state.tsx';
import { WebhookForm } from './webhook-form.tsx';

const draftKey = 'codebuddy.draft.webhook';

export function NewWebhook() {
  const [value, setValue] = useState<FormValue>(readDraft);
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const [created, setCreated] = useState<CreatedWebhook>();
  const lack = lackOf('admin');
  useEffect(() => {
    // A secret is kept nowhere.
    const { secret: _, ...draft } = value;
    localStorage.setItem(draftKey, JSON.stringify(draft));
  }, [value]);

  async function create(): Promise<void> {
    setSending(true);
    try {
      setCreated(await client.webhooks.create(value as WebhookInput));
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
        <h1>New webhook</h1>
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
          <WebhookForm
            schema={webhookInputSchema}
            value={value}
            onChange={setValue}
            errors={fieldErrorsOf(error)}
          />
          <div class="row">
            <button type="submit" class="main" disabled={isSending || lack !== undefined} title={lack}>
              Create webhook
            </button>
            <a class="button" href={hrefOf(['webhooks'])}>
              Cancel
            </a>
          </div>
        </div>
      </form>
      {created !== undefined && (
        <CreatedDialog webhook={created} onClose={() => go(['webhooks', created.id])} />
      )}
    </div>
  );
}

interface CreatedProps {
  readonly webhook: CreatedWebhook;
  readonly onClose: () => void;
}

function CreatedDialog({ webhook, onClose }: CreatedProps) {
  const { secret, signingSecret, sameUrlAs = [] } = webhook;
  return (
    <Dialog
      title="The webhook is created"
      onClose={onClose}
      footer={
        <button type="button" class="main" onClick={onClose}>
          Done
        </button>
      }
    >
      <div class="stack">
        {secret === null ? (
          <p>Its requests are not signed, because it has no secret.</p>
        ) : (
          <>
            <p>Copy the secret now: it is shown only once. The receiver verifies requests with it.</p>
            <Secret name="Secret" value={secret} />
            {signingSecret !== null && signingSecret !== secret && (
              <Secret name="Secret for Standard Webhooks libraries" value={signingSecret} />
            )}
          </>
        )}
        {sameUrlAs.length > 0 && (
          <p class="warn">
            {sameUrlAs.join(', ')} {sameUrlAs.length === 1 ? 'has' : 'have'} the same URL. Events that both
            receive are sent there more than once.
          </p>
        )}
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
