// A form with its usual fields, and the others below a line that opens.

import { useEffect, useState } from 'preact/hooks';
import type { FieldError, FormSchema } from './form-schema.ts';
import { type FormValue, SchemaForm } from './schema-form.tsx';

/** The schema, the input and the errors of a form. */
export interface FormProps {
  readonly schema: FormSchema;
  readonly value: FormValue;
  readonly onChange: (value: FormValue) => void;
  readonly errors: readonly FieldError[];
}

export interface FoldedFormProps extends FormProps {
  /** The fields that are always shown, in this order. */
  readonly usual: readonly string[];
  /** The line above the others. */
  readonly summary: string;
  /** Suggestions while typing, by the name of the field. */
  readonly suggestions?: Readonly<Record<string, readonly string[]>>;
}

export function FoldedForm({ usual, summary, ...form }: FoldedFormProps) {
  const { schema, errors } = form;
  const others = Object.keys(schema.properties ?? {}).filter((name) => !usual.includes(name));
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (errors.some(({ pointer }) => others.includes(pointer.split('/')[1] ?? ''))) setOpen(true);
  }, [errors]);
  return (
    <div class="form">
      <SchemaForm {...form} fields={usual} />
      <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>{summary}</summary>
        <SchemaForm {...form} fields={others} />
      </details>
    </div>
  );
}
