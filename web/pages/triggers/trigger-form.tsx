// The fields of a trigger, from the schema: the usual ones, and the others below a line that opens.

import { useEffect, useState } from 'preact/hooks';
import type { FieldError, FormSchema } from '../../parts/form-schema.ts';
import { type FormValue, SchemaForm } from '../../parts/schema-form.tsx';

export interface TriggerFormProps {
  readonly schema: FormSchema;
  readonly value: FormValue;
  readonly onChange: (value: FormValue) => void;
  readonly errors: readonly FieldError[];
}

const usual = ['source', 'name', 'prompt', 'filter', 'schedule'];

export function TriggerForm({ schema, value, onChange, errors }: TriggerFormProps) {
  const others = Object.keys(schema.properties ?? {}).filter((name) => !usual.includes(name));
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (errors.some(({ pointer }) => others.includes(pointer.split('/')[1] ?? ''))) setOpen(true);
  }, [errors]);
  const form = { schema, value, onChange, errors };
  return (
    <div class="form">
      <SchemaForm {...form} fields={usual} />
      <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Secret, session, data, limits and options</summary>
        <SchemaForm {...form} fields={others} />
      </details>
    </div>
  );
}
