// A page that creates an object with a form, and then shows it once. The input survives a reload and a server that is
// away.

import type { ComponentChildren, ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { hrefOf } from '../app/router.ts';
import { lackOf } from '../app/scope.ts';
import type { FormProps } from './folded-form.tsx';
import { type FormSchema, fieldErrorsOf } from './form-schema.ts';
import type { FormValue } from './schema-form.tsx';
import { ErrorNotice } from './state.tsx';

export interface NewPageProps<T> {
  /** `webhook`, for the texts and the kept input. */
  readonly noun: string;
  /** The page of the list. */
  readonly list: string;
  readonly schema: FormSchema;
  readonly form: ComponentType<FormProps>;
  readonly create: (value: FormValue) => Promise<T>;
  /** The dialog after the creation. */
  readonly show: (created: T) => ComponentChildren;
}

export function NewPage<T>({ noun, list, schema, form: Form, create, show }: NewPageProps<T>) {
  const draftKey = `codebuddy.draft.${noun}`;
  const [value, setValue] = useState<FormValue>(() => readDraft(draftKey));
  const [error, setError] = useState<unknown>();
  const [isSending, setSending] = useState(false);
  const [created, setCreated] = useState<{ readonly value: T }>();
  const lack = lackOf('admin');
  useEffect(() => {
    // A secret is kept nowhere.
    const { secret: _, ...draft } = value;
    localStorage.setItem(draftKey, JSON.stringify(draft));
  }, [value]);

  async function submit(): Promise<void> {
    setSending(true);
    try {
      setCreated({ value: await create(value) });
      setError(undefined);
      localStorage.removeItem(draftKey);
    } catch (reason) {
      setError(reason);
    } finally {
      setSending(false);
    }
  }

  return (
    <div class="reading">
      <header class="row">
        <h1>New {noun}</h1>
      </header>
      <form
        class="panel"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div class="body stack">
          {error !== undefined && <ErrorNotice error={error} />}
          <Form schema={schema} value={value} onChange={setValue} errors={fieldErrorsOf(error)} />
          <div class="row">
            <button type="submit" class="main" disabled={isSending || lack !== undefined} title={lack}>
              Create {noun}
            </button>
            <a class="button" href={hrefOf([list])}>
              Cancel
            </a>
          </div>
        </div>
      </form>
      {created !== undefined && show(created.value)}
    </div>
  );
}

function readDraft(key: string): FormValue {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '{}') as FormValue;
  } catch {
    return {};
  }
}
