// Creates a trigger, and shows once what to enter at the sender.

import type { CreatedTrigger } from '../../../src/client/web.ts';
import { type TriggerInput, triggerInputSchema } from '../../../src/contract/trigger-input.ts';
import { go } from '../../app/router.ts';
import { client } from '../../app/sign-in.ts';
import { DoneDialog } from '../../parts/done-dialog.tsx';
import { NewPage } from '../../parts/new-page.tsx';
import { Secret } from '../../parts/secret.tsx';
import { TriggerForm } from './trigger-form.tsx';

export function NewTrigger() {
  return (
    <NewPage
      noun="trigger"
      list="triggers"
      schema={triggerInputSchema}
      form={TriggerForm}
      create={(value) => client.triggers.create(value as TriggerInput)}
      show={(created) => <CreatedDialog trigger={created} />}
    />
  );
}

function CreatedDialog({ trigger }: { readonly trigger: CreatedTrigger }) {
  const { id, path, secret, source, permissionMode } = trigger;
  return (
    <DoneDialog title="The trigger is created" onClose={() => go(['triggers', id])}>
      {path !== null && <Secret name="URL" value={location.origin + path} />}
      {secret !== null && (
        <>
          <Secret name="Secret" value={secret} />
          <p>Enter both at the sender now: the secret is shown only once.</p>
        </>
      )}
      {source === 'github' && <p>At GitHub, choose the content type application/json.</p>}
      <p>Its runs are {permissionMode}.</p>
    </DoneDialog>
  );
}
