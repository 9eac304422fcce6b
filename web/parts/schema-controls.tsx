// The controls of a schema form, by the kind of field.

import type { ComponentType } from 'preact';
import { useId, useState } from 'preact/hooks';
import { messageOf } from '../app/sign-in.ts';
import type { ControlProps } from './control-props.ts';
import { type FieldKind, typesOf, valueOfText } from './form-schema.ts';
import { MapControl } from './map-control.tsx';
import { TextsControl } from './texts-control.tsx';

export const controls: Readonly<Record<FieldKind, ComponentType<ControlProps>>> = {
  text: TextControl,
  number: NumberControl,
  flag: FlagControl,
  choice: ChoiceControl,
  choices: ChoicesControl,
  texts: TextsControl,
  map: MapControl,
  object: JsonControl,
  json: JsonControl,
};

function plain({ id, isRequired, isDisabled, isInvalid, describedBy }: ControlProps) {
  return {
    id,
    required: isRequired,
    disabled: isDisabled,
    'aria-invalid': isInvalid,
    'aria-describedby': describedBy,
  };
}

function TextControl(props: ControlProps) {
  const { schema, value, suggestions, onChange } = props;
  const list = useId();
  const text = value === undefined ? '' : String(value);
  const set = (next: string): void => onChange(next === '' ? undefined : valueOfText(next, schema));
  // Content of files and the like.
  if (text.includes('\n') || (schema.maxLength ?? 0) > 10_000)
    return (
      <textarea
        {...plain(props)}
        rows={5}
        value={text}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    );
  return (
    <>
      <input
        {...plain(props)}
        type="text"
        spellcheck={false}
        autocomplete="off"
        value={text}
        placeholder={schema.default === undefined ? undefined : String(schema.default)}
        list={suggestions.length === 0 ? undefined : list}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
      {suggestions.length > 0 && (
        <datalist id={list}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

function NumberControl(props: ControlProps) {
  const { schema, value, onChange } = props;
  return (
    <input
      {...plain(props)}
      type="number"
      min={schema.minimum}
      max={schema.maximum}
      step={typesOf(schema).includes('integer') ? 1 : 'any'}
      value={value === undefined ? '' : Number(value)}
      placeholder={schema.default === undefined ? undefined : String(schema.default)}
      onInput={({ currentTarget }) => {
        // The field is cleared, or has text that is not a number: the browser marks it, and keeps it.
        if (currentTarget.value !== '') onChange(currentTarget.valueAsNumber);
        else if (!currentTarget.validity.badInput) onChange(undefined);
      }}
    />
  );
}

function FlagControl(props: ControlProps) {
  const { id, isDisabled, describedBy, schema, value, onChange } = props;
  return (
    <input
      id={id}
      type="checkbox"
      disabled={isDisabled}
      aria-describedby={describedBy}
      checked={(value ?? schema.default) === true}
      onChange={({ currentTarget }) => onChange(currentTarget.checked)}
    />
  );
}

function ChoiceControl(props: ControlProps) {
  const { schema, value, isRequired, onChange } = props;
  const choices: readonly unknown[] = (schema.enum ?? []).filter((one) => one !== null);
  return (
    <select
      {...plain(props)}
      value={value === undefined ? '' : String(choices.indexOf(value))}
      onChange={({ currentTarget }) =>
        onChange(currentTarget.value === '' ? undefined : choices[Number(currentTarget.value)])
      }
    >
      <option value="" disabled={isRequired}>
        {schema.default === undefined ? '' : `default: ${String(schema.default)}`}
      </option>
      {choices.map((one, index) => (
        <option key={index} value={String(index)}>
          {String(one)}
        </option>
      ))}
    </select>
  );
}

function ChoicesControl({ schema, value, isDisabled, onChange }: ControlProps) {
  const chosen: readonly unknown[] = Array.isArray(value) ? value : [];
  const choices = typeof schema.items === 'object' ? (schema.items.enum ?? []) : [];
  return (
    <div class="row wrap">
      {choices.map((one) => (
        <label key={String(one)} class="check">
          <input
            type="checkbox"
            disabled={isDisabled}
            checked={chosen.includes(one)}
            onChange={({ currentTarget }) => {
              // In the order of the schema.
              const next = choices.filter((each) =>
                each === one ? currentTarget.checked : chosen.includes(each),
              );
              onChange(next.length === 0 ? undefined : next);
            }}
          />
          {String(one)}
        </label>
      ))}
    </div>
  );
}

function JsonControl(props: ControlProps) {
  const { value, isInvalid, onChange } = props;
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2));
  const [fault, setFault] = useState<string>();
  return (
    <>
      <textarea
        {...plain(props)}
        aria-invalid={isInvalid || fault !== undefined}
        class="mono"
        rows={4}
        spellcheck={false}
        placeholder="JSON"
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          try {
            onChange(currentTarget.value.trim() === '' ? undefined : JSON.parse(currentTarget.value));
            setFault(undefined);
          } catch (error) {
            setFault(messageOf(error));
          }
        }}
      />
      {fault !== undefined && <span class="fault">This is not valid JSON: {fault}</span>}
    </>
  );
}
