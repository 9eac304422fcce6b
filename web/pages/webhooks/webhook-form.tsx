// The fields of a webhook: the usual ones, and the others below a line that opens.

import { useEffect, useState } from 'preact/hooks';
import { eventTypes } from '../../../src/contract/event-catalogue.ts';
import type { FieldError, FormSchema } from '../../parts/form-schema.ts';
import { type FormValue, SchemaForm } from '../../parts/schema-form.tsx';

export interface WebhookFormProps {
  readonly schema: FormSchema;
  readonly value: FormValue;
  readonly onChange: (value: FormValue) => void;
  readonly errors: readonly FieldError[];
}

const usual = ['url', 'events', 'name', 'description'];
const groups = [...new Set(eventTypes.map((type) => type.split('.')[0]))].map((group) => `${group}.*`);
const suggestions = { events: ['*', ...groups, ...eventTypes] };

export function WebhookForm({ schema, value, onChange, errors }: WebhookFormProps) {
  const others = Object.keys(schema.properties ?? {}).filter((name) => !usual.includes(name));
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const isAmongOthers = errors.some(({ pointer }) => others.includes(pointer.split('/')[1] ?? ''));
    if (isAmongOthers) setOpen(true);
  }, [errors]);
  const form = { schema, value, onChange, errors, suggestions };
  return (
    <div class="form">
      <SchemaForm {...form} fields={usual} />
      <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Secret, headers, retries and connection</summary>
        <SchemaForm {...form} fields={others} />
      </details>
    </div>
  );
}
