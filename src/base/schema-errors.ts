// Errors of JSON Schema validation (Ajv) in plain English: which field, what is wrong, and what is right. The one place
// that knows Ajv's keywords. With Ajv's option `verbose` the text covers all constraints of the field ("must be a whole
// number from 1 to 200"), without it only the one that failed.

import { escapePointer, unescapePointer } from './json-pointer.ts';

/** The parts of an Ajv error that are read. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath?: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set by `verbose`: the schema that holds the keyword. */
  readonly parentSchema?: unknown;
}

/** A field and a text that completes a sentence about it. */
export interface FieldFault {
  /** RFC 6901 JSON Pointer; a missing or unknown field is named itself, not its object. */
  readonly pointer: string;
  readonly message: string;
}

const anyAllowedForm = 'must match one of the allowed forms';

type Schema = Readonly<Record<string, unknown>>;

/** Translates Ajv's errors. Duplicates, and errors that only repeat a failed `anyOf` or `oneOf`, are left out. */
export function fieldFaults(errors: readonly SchemaError[]): readonly FieldFault[] {
  const faults = new Map<string, FieldFault>();
  for (const error of withoutNoise(errors)) {
    const fault = { pointer: pointerOf(error), message: messageOf(error) };
    faults.set(`${fault.pointer}\n${fault.message}`, fault);
  }
  // The branches of a choice may be in another part of the schema.
  return [...faults.values()].filter(
    ({ pointer, message }, _index, all) =>
      message !== anyAllowedForm ||
      !all.some((other) => other.message !== anyAllowedForm && `${other.pointer}/`.startsWith(`${pointer}/`)),
  );
}

/** `/options/types/0` reads `options.types[0]`. Empty for the root. */
export function fieldName(pointer: string): string {
  const steps = pointer.split('/').slice(1).map(unescapePointer);
  return steps
    .map((step, index) => (/^\d+$/.test(step) ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

/**
 * Ajv reports a failed `anyOf` or `oneOf` together with the errors of each branch. If all branches fail on the type of
 * the value, keep the first, whose message lists the alternatives; otherwise keep the more precise errors of the
 * branches.
 */
function withoutNoise(errors: readonly SchemaError[]): readonly SchemaError[] {
  const dropped = new Set<SchemaError>();
  for (const [index, choice] of errors.entries()) {
    if (choice.keyword !== 'anyOf' && choice.keyword !== 'oneOf') continue;
    let hasPrecise = false;
    // Ajv puts the errors of the branches right before that of the choice.
    for (let i = index - 1; i >= 0; i--) {
      const error = errors[i] as SchemaError;
      if (!isInside(error, choice)) break;
      if (error.keyword === 'type' && error.instancePath === choice.instancePath) dropped.add(error);
      else hasPrecise ||= !dropped.has(error);
    }
    if (hasPrecise) dropped.add(choice);
  }
  return errors.filter((error) => !dropped.has(error));
}

function isInside(error: SchemaError, choice: SchemaError): boolean {
  return (
    choice.schemaPath !== undefined &&
    error.schemaPath?.startsWith(`${choice.schemaPath}/`) === true &&
    error.instancePath.startsWith(choice.instancePath)
  );
}

function pointerOf({ instancePath, params }: SchemaError): string {
  const child =
    params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName;
  return typeof child === 'string' ? `${instancePath}/${escapePointer(child)}` : instancePath;
}

function messageOf({ keyword, message, params, parentSchema }: SchemaError): string {
  const own = isSchema(parentSchema) ? parentSchema : {};
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'dependentRequired':
    case 'dependencies':
      return `is required together with ${String(params.property)}`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is not a known field';
    case 'propertyNames':
      return 'is not a valid field name';
    case 'enum':
      return `must be one of ${valuesOf(params.allowedValues ?? own.enum)}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue ?? own.const)}`;
    case 'type':
      return `must be ${describe({ ...own, type: own.type ?? params.type })}`;
    case 'format':
      return `must be ${formats[String(params.format)] ?? `in the format "${String(params.format)}"`}`;
    case 'pattern':
      return `must match the pattern ${String(params.pattern)}`;
    case 'multipleOf':
      return `must be a multiple of ${String(params.multipleOf)}`;
    case 'uniqueItems':
      return 'must not contain duplicates';
    case 'contains':
    case 'minContains':
    case 'maxContains':
      return 'must contain a required item';
    case 'not':
      return 'has a value that is not allowed';
    case 'false schema':
      return 'is not allowed';
    case 'anyOf':
    case 'oneOf':
      if (Array.isArray(params.passingSchemas)) return 'must match exactly one of the allowed forms';
      return alternatives(own[keyword]) ?? anyAllowedForm;
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
      return `must be ${describe({ type: typeOfKeyword(keyword), ...own, [keyword]: own[keyword] ?? params.limit })}`;
    default:
      return message ?? 'is not valid';
  }
}

/** The article and noun of each type. */
const nouns: Readonly<Record<string, string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

const formats: Readonly<Record<string, string>> = {
  'date-time': 'an RFC 3339 time such as 2026-01-31T12:00:00Z',
  date: 'a date such as 2026-01-31',
  time: 'an RFC 3339 time of day such as 12:00:00Z',
  duration: 'an ISO 8601 duration such as PT5M',
  email: 'an email address',
  hostname: 'a host name',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  uri: 'an absolute URI',
  url: 'an absolute URL',
  'uri-reference': 'a URI reference',
  uuid: 'a UUID',
  regex: 'a regular expression',
  'json-pointer': 'a JSON Pointer',
};

/** The values that a schema accepts: `a string of 1 to 128 characters or null`. */
function describe(schema: Schema): string {
  if (Array.isArray(schema.enum)) return `one of ${valuesOf(schema.enum)}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const types = (
    Array.isArray(schema.type) ? schema.type : String(schema.type ?? 'a different value').split(',')
  )
    .map(String)
    .map((type) => `${nouns[type] ?? type}${boundsOf(type, schema)}`);
  return types.join(' or ');
}

function boundsOf(type: string, schema: Schema): string {
  if (type === 'integer' || type === 'number') return rangeOf(schema);
  const count =
    type === 'string'
      ? countOf(schema.minLength, schema.maxLength, 'character')
      : type === 'array'
        ? countOf(schema.minItems, schema.maxItems, 'item')
        : type === 'object'
          ? countOf(schema.minProperties, schema.maxProperties, 'field')
          : '';
  return count === '' ? '' : ` ${type === 'object' ? 'with' : 'of'} ${count}`;
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  const bounds = [
    ...(minimum === undefined ? [] : [`of at least ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`greater than ${exclusiveMinimum}`]),
    ...(maximum === undefined ? [] : [`of at most ${maximum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`less than ${exclusiveMaximum}`]),
  ];
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
}

function countOf(minimum: unknown, maximum: unknown, noun: string): string {
  const least = typeof minimum === 'number' ? minimum : 0;
  if (typeof maximum === 'number')
    return least > 0 ? `${least} to ${maximum} ${noun}s` : `at most ${plural(maximum, noun)}`;
  return least > 0 ? `at least ${plural(least, noun)}` : '';
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The type that a keyword applies to, for schemas without `type`. */
function typeOfKeyword(keyword: string): string {
  if (keyword.endsWith('Length')) return 'string';
  if (keyword.endsWith('Items')) return 'array';
  return keyword.endsWith('Properties') ? 'object' : 'number';
}

function alternatives(branches: unknown): string | undefined {
  if (!Array.isArray(branches)) return undefined;
  const known = branches.filter(isSchema).filter((branch) => branch.type ?? branch.enum ?? branch.const);
  if (known.length !== branches.length) return undefined;
  return `must be ${known.map(describe).join(' or ')}`;
}

function valuesOf(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(', ') : String(values);
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
