// Changes the settings of a trigger.

import type { Trigger } from '../../../src/client/web.ts';
import { triggerPatchSchema } from '../../../src/contract/trigger-input.ts';
import { client } from '../../app/sign-in.ts';
import { EditForm, type EditFormProps } from '../../parts/edit-form.tsx';
import type { FormSchema } from '../../parts/form-schema.ts';
import { TriggerForm } from './trigger-form.tsx';

export interface EditProps extends Pick<EditFormProps, 'onClose' | 'onSaved'> {
  readonly trigger: Trigger;
}

export function EditTrigger({ trigger, ...props }: EditProps) {
  return (
    <EditForm
      {...props}
      of={trigger}
      schema={schemaOf(trigger.source)}
      form={TriggerForm}
      cleared={{ name: trigger.source, description: '', filter: {}, limits: {}, options: {}, signature: {} }}
      update={(patch) => client.triggers.update(trigger.id, patch)}
    />
  );
}

/** The fields that the source has. */
function schemaOf(source: Trigger['source']): FormSchema {
  const others: readonly string[] =
    source === 'schedule'
      ? ['secret', 'filter', 'data', 'signature']
      : source === 'hmac'
        ? ['schedule']
        : ['schedule', 'signature'];
  const fields = Object.entries(triggerPatchSchema.properties).filter(([name]) => !others.includes(name));
  return { ...triggerPatchSchema, properties: Object.fromEntries(fields) };
}
