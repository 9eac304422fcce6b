// The fields of a form from a JSON Schema: required ones are marked, descriptions are hints, and an error of the server
// is shown at the field that its pointer names. Absent members stay absent, so that the server's defaults apply.

import { useId } from 'preact/hooks';
import {
  errorsAt,
  type FieldError,
  type FieldKind,
  type FormSchema,
  isNullable,
  kindOf,
  pointerTo,
} from './form-schema.ts';
import { Hint } from './hint.tsx';
import { controls } from './schema-controls.tsx';

export type FormValue = Readonly<Record<string, unknown>>;

export interface SchemaFormProps {
  /** Of an object. */
  readonly schema: FormSchema;
  readonly value: FormValue;
  readonly onChange: (value: FormValue) => void;
  /** Of the last answer of the server. */
  readonly errors?: readonly FieldError[];
  /** Suggestions while typing, by the name of the field. */
  readonly suggestions?: Readonly<Record<string, readonly string[]>>;
  /** Only these fields, in this order. @default all */
  readonly fields?: readonly string[];
  /** Where the object is in the whole value. @default the root */
  readonly pointer?: string;
}

export function SchemaForm({
  schema,
  value,
  onChange,
  errors = [],
  suggestions = {},
  fields = Object.keys(schema.properties ?? {}),
  pointer = '',
}: SchemaFormProps) {
  return (
    <div class="form">
      {fields.map((name) => {
        const field = schema.properties?.[name];
        if (field === undefined) return null;
        return (
          <Field
            key={name}
            name={name}
            schema={field}
            value={value[name]}
            isRequired={schema.required?.includes(name) === true}
            pointer={pointerTo(pointer, name)}
            errors={errors}
            suggestions={suggestions[name] ?? []}
            onChange={(next) => onChange(withMember(value, name, next))}
          />
        );
      })}
    </div>
  );
}

/** Undefined removes the member. */
function withMember(value: FormValue, name: string, next: unknown): FormValue {
  const { [name]: _, ...rest } = value;
  return next === undefined ? rest : { ...rest, [name]: next };
}

interface FieldProps {
  readonly name: string;
  readonly schema: FormSchema;
  readonly value: unknown;
  readonly isRequired: boolean;
  readonly pointer: string;
  readonly errors: readonly FieldError[];
  readonly suggestions: readonly string[];
  readonly onChange: (value: unknown) => void;
}

/** Several controls, so a group with a legend. */
const groups: ReadonlySet<FieldKind> = new Set(['choices', 'map', 'object', 'texts']);

function Field({ name, schema, value, isRequired, pointer, errors, suggestions, onChange }: FieldProps) {
  const id = useId();
  const kind = kindOf(schema);
  const own = errorsAt(errors, pointer, kind !== 'object');
  // The title of an object is the name of its type.
  const label = (
    <>
      {kind === 'object' ? name : (schema.title ?? name)}
      {isRequired && <span class="quiet"> (required)</span>}
    </>
  );
  const describedBy = [
    ...(schema.description === undefined ? [] : [`${id}-hint`]),
    ...(own.length === 0 ? [] : [`${id}-fault`]),
  ].join(' ');
  const notes = (
    <>
      {schema.description !== undefined && <Hint id={`${id}-hint`} text={schema.description} />}
      {own.length > 0 && (
        <div class="fault" id={`${id}-fault`} role="alert">
          {own.map((error) => (
            <p key={error.pointer + error.message}>
              {error.pointer !== pointer && `${error.pointer.slice(pointer.length + 1)}: `}
              {error.message}
            </p>
          ))}
        </div>
      )}
    </>
  );
  const isNone = value === null;
  const Control = controls[kind];
  const control =
    kind === 'object' ? (
      <SchemaForm
        schema={schema}
        value={(value ?? {}) as FormValue}
        errors={errors}
        pointer={pointer}
        onChange={(next) => onChange(Object.keys(next).length === 0 ? undefined : next)}
      />
    ) : (
      <Control
        id={id}
        schema={schema}
        value={isNone ? undefined : value}
        isRequired={isRequired}
        isDisabled={isNone}
        isInvalid={own.length > 0}
        describedBy={describedBy === '' ? undefined : describedBy}
        suggestions={suggestions}
        onChange={onChange}
      />
    );
  const none = isNullable(schema) && kind !== 'object' && (
    <label class="check quiet">
      <input
        type="checkbox"
        checked={isNone}
        onChange={({ currentTarget }) => onChange(currentTarget.checked ? null : undefined)}
      />
      none
    </label>
  );
  if (groups.has(kind))
    return (
      <fieldset class="field" aria-describedby={describedBy || undefined}>
        <legend>{label}</legend>
        {control}
        {notes}
      </fieldset>
    );
  if (kind === 'flag')
    return (
      <div class="field">
        <div class="check">
          {control}
          <label for={id}>{label}</label>
        </div>
        {notes}
      </div>
    );
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {none === false ? (
        control
      ) : (
        <div class="row">
          <span class="grow">{control}</span>
          {none}
        </div>
      )}
      {notes}
    </div>
  );
}
