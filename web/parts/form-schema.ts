// The part of JSON Schema that a form understands, and the kind of control for each field.

import { CodeBuddyApiError } from '../../src/client/web.ts';
import type { Problem } from '../../src/contract/problem.ts';

export interface FormSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, FormSchema>>;
  readonly required?: readonly string[];
  readonly items?: FormSchema | boolean;
  readonly additionalProperties?: FormSchema | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

export type FieldKind =
  | 'text'
  /** A number, or a text if the schema allows both. */
  | 'number'
  | 'flag'
  | 'choice'
  | 'choices'
  | 'texts'
  | 'map'
  | 'object'
  /** Anything else is entered as JSON. */
  | 'json';

export type FieldError = NonNullable<Problem['errors']>[number];

export function typesOf({ type }: FormSchema): readonly string[] {
  return type === undefined ? [] : typeof type === 'string' ? [type] : type;
}

export function isNullable(schema: FormSchema): boolean {
  return typesOf(schema).includes('null');
}

export function kindOf(schema: FormSchema): FieldKind {
  if (schema.enum !== undefined) return 'choice';
  const types = typesOf(schema).filter((type) => type !== 'null');
  const [type] = types;
  if (types.length > 1) return types.every(isPlain) ? 'text' : 'json';
  switch (type) {
    case 'string':
      return 'text';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'flag';
    case 'array': {
      const { items } = schema;
      if (typeof items !== 'object') return 'json';
      if (items.enum !== undefined) return 'choices';
      return typesOf(items).join() === 'string' ? 'texts' : 'json';
    }
    case 'object': {
      if (Object.keys(schema.properties ?? {}).length > 0) return 'object';
      const { additionalProperties } = schema;
      return typeof additionalProperties === 'object' && typesOf(additionalProperties).join() === 'string'
        ? 'map'
        : 'json';
    }
    default:
      return 'json';
  }
}

function isPlain(type: string): boolean {
  return ['string', 'integer', 'number'].includes(type);
}

/** The value of what was typed into a field of text: a number, if the schema allows one and it looks like one. */
export function valueOfText(text: string, schema: FormSchema): unknown {
  const types = typesOf(schema);
  const isNumber = types.includes('integer') || types.includes('number');
  return isNumber && /^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text;
}

/** Member of an object in a JSON Pointer (RFC 6901 §3). */
export function pointerTo(parent: string, name: string): string {
  return `${parent}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** The errors of the body that was sent, which a form shows at its fields. */
export function fieldErrorsOf(error: unknown): readonly FieldError[] {
  return error instanceof CodeBuddyApiError ? error.errors.filter((one) => one.in === 'body') : [];
}

/** The errors of a field itself, and of what is in it if `isDeep`. */
export function errorsAt(
  errors: readonly FieldError[],
  pointer: string,
  isDeep: boolean,
): readonly FieldError[] {
  return errors.filter(
    (error) => error.pointer === pointer || (isDeep && error.pointer.startsWith(`${pointer}/`)),
  );
}
