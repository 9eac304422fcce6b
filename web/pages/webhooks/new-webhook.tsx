// Creates a webhook, and shows its secret once.

import type { CreatedWebhook } from '../../../src/client/web.ts';
import { type WebhookInput, webhookInputSchema } from '../../../src/contract/webhook-input.ts';
import { go } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { DoneDialog } from '../../parts/done-dialog.tsx';
import { NewPage } from '../../parts/new-page.tsx';
import { Secret } from '../../parts/secret.tsx';
import { WebhookForm } from './webhook-form.tsx';

export function NewWebhook() {
  return (
    <NewPage
      noun="webhook"
      list="webhooks"
      schema={webhookInputSchema}
      form={WebhookForm}
      create={(value) => client.webhooks.create(value as WebhookInput)}
      show={(created) => <CreatedDialog webhook={created} />}
    />
  );
}

function CreatedDialog({ webhook }: { readonly webhook: CreatedWebhook }) {
  const { id, secret, signingSecret, sameUrlAs = [] } = webhook;
  return (
    <DoneDialog title="The webhook is created" onClose={() => go(['webhooks', id])}>
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
    </DoneDialog>
  );
}
