// Changes the settings of a webhook.

import type { Webhook } from '../../../src/client/web.ts';
import { webhookPatchSchema } from '../../../src/contract/webhook-input.ts';
import { client } from '../../app/sign-in.ts';
import { EditForm, type EditFormProps } from '../../parts/edit-form.tsx';
import { WebhookForm } from './webhook-form.tsx';

const cleared = { name: '', description: '', headers: {}, events: ['*'], tls: null };

export interface EditProps extends Pick<EditFormProps, 'onClose' | 'onSaved'> {
  readonly webhook: Webhook;
}

export function EditWebhook({ webhook, ...props }: EditProps) {
  return (
    <EditForm
      {...props}
      of={webhook}
      schema={webhookPatchSchema}
      form={WebhookForm}
      cleared={cleared}
      update={(patch) => client.webhooks.update(webhook.id, patch)}
    />
  );
}
