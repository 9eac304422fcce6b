// Changes the settings of an object. Only changed fields are sent, so that changes made elsewhere meanwhile are kept.

import type { ComponentType } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { lackOf } from '../app/scope.ts';
import type { FormProps } from './folded-form.tsx';
import { type FormSchema, fieldErrorsOf } from './form-schema.ts';
import type { FormValue } from './schema-form.tsx';
import { ErrorNotice } from './state.tsx';
import { notify } from './toast.tsx';

export interface EditFormProps {
  /** The object. Of its fields, the form has those of the schema. */
  readonly of: object;
  readonly schema: FormSchema;
  readonly form: ComponentType<FormProps>;
  /** The values that stand for a cleared field. The server refuses null for the others. */
  readonly cleared: FormValue;
  readonly update: (patch: FormValue) => Promise<unknown>;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export function EditForm({ of, schema, form: Form, cleared, update, onClose, onSaved }: EditFormProps) {
  const names = Object.keys(schema.properties ?? {});
  // Fields that are not known here, such as a secret, are empty.
  const [before] = useState<FormValue>(() =>
    Object.fromEntries(Object.entries(of).filter(([name]) => names.includes(name))),
  );
  const [value, setValue] = useState(before);
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const lack = lackOf('admin');
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(value[name]));
  const isUnchanged = changed.length === 0;

  async function save(): Promise<void> {
    setSending(true);
    setError(undefined);
    try {
      await update(Object.fromEntries(changed.map((name) => [name, value[name] ?? cleared[name] ?? null])));
      notify('Saved.');
      onSaved();
    } catch (reason) {
      setError(reason);
      setSending(false);
    }
  }

  // The button that opened it may be far above. Other effects run after the next paint: a key may come before it.
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => form.current?.querySelector('input')?.focus(), []);
  return (
    <form
      ref={form}
      class="panel"
      aria-label="Edit the settings"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <header>
        <h2>Settings</h2>
      </header>
      <div class="body stack">
        {error !== undefined && <ErrorNotice error={error} />}
        <Form schema={schema} value={value} onChange={setValue} errors={fieldErrorsOf(error)} />
        <div class="row">
          <button
            type="submit"
            class="main"
            disabled={isSending || isUnchanged || lack !== undefined}
            title={lack ?? (isUnchanged ? 'Nothing has changed.' : undefined)}
          >
            Save
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </div>
    </form>
  );
}
