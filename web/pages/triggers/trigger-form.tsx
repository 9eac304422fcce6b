// The fields of a trigger.

import { FoldedForm, type FormProps } from '../../parts/folded-form.tsx';

const usual = ['source', 'name', 'prompt', 'filter', 'schedule'];

export function TriggerForm(props: FormProps) {
  return <FoldedForm {...props} usual={usual} summary="Secret, session, data, limits and options" />;
}
