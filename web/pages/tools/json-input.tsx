// The parameters as JSON.

import { useState } from 'preact/hooks';
import { messageOf } from '../../app/sign-in.ts';
import type { FormValue } from '../../parts/schema-form.tsx';

export interface JsonInputProps {
  readonly value: FormValue;
  readonly onChange: (value: FormValue) => void;
  readonly onInvalid: (isInvalid: boolean) => void;
}

export function JsonInput({ value, onChange, onInvalid }: JsonInputProps) {
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [fault, setFault] = useState<string>();
  const change = (next: string): void => {
    setText(next);
    try {
      onChange(parse(next));
      setFault(undefined);
      onInvalid(false);
    } catch (error) {
      setFault(messageOf(error));
      onInvalid(true);
    }
  };
  return (
    <div class="field">
      <label for="parameters">Parameters</label>
      <textarea
        id="parameters"
        class="mono"
        rows={8}
        spellcheck={false}
        value={text}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : 'parameters-fault'}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
      {fault !== undefined && (
        <p class="fault" id="parameters-fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

/** @throws Error that says what is wrong */
function parse(text: string): FormValue {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('The parameters must be an object, such as {"path": "README.md"}.');
  return value as FormValue;
}
