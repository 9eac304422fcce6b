// The fields of a webhook.

import { eventTypes } from '../../../src/contract/event-types.ts';
import { FoldedForm, type FormProps } from '../../parts/folded-form.tsx';

const usual = ['url', 'events', 'name', 'description'];
const groups = [...new Set(eventTypes.map((type) => type.split('.')[0]))].map((group) => `${group}.*`);
const suggestions = { events: ['*', ...groups, ...eventTypes] };

export function WebhookForm(props: FormProps) {
  return (
    <FoldedForm
      {...props}
      usual={usual}
      summary="Secret, headers, retries and connection"
      suggestions={suggestions}
    />
  );
}
