// Changes or removes the limits of a key.

import { useState } from 'preact/hooks';
import type { ApiKey } from '../../../src/client/web.ts';
import { client } from '../../app/sign-in.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { notify } from '../../parts/toast.tsx';
import { KeyLimits, limitChanges, typedLimits } from './key-limits.tsx';

export interface EditLimitsProps {
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export function EditLimits({ apiKey: { id, name, limits }, onClose, onSaved }: EditLimitsProps) {
  const [before] = useState(() => typedLimits(limits));
  const [value, setValue] = useState(before);
  const changes = limitChanges(before, value);
  return (
    <FormDialog
      title={`Limits of ${name}`}
      action="Save"
      isDisabled={Object.keys(changes).length === 0}
      submit={async () => {
        await client.keys.update(id, { limits: changes });
        notify('The limits apply from now on.');
        onSaved();
        onClose();
      }}
      onClose={onClose}
    >
      <KeyLimits value={value} onChange={setValue} />
      <p class="quiet">A limit that you clear is removed.</p>
    </FormDialog>
  );
}
