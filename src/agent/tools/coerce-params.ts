// Converts parameters to the types of the tool's JSON Schema where the given value can only mean one thing: "5000" for
// a number, null for an optional parameter. Models, and users at a shell, often write them this way. The validator
// checks everything else. ajv's own coercion is wider: it turns null into 0, "" or false, and changes its input.

import { isRecord } from '../../base/is-record.ts';

type Schema = Readonly<Record<string, unknown>>;
type Params = Readonly<Record<string, unknown>>;

/** Deeper values are left unchanged. */
const maxDepth = 32;

/**
 * Returns the parameters in the types of the schema; the input is not changed. It converts
 *
 * - a string that spells a number to a number, and a number to a string
 * - `"true"` and `"false"` to a boolean
 * - the JSON text of an object or array to that value
 * - a single value to a list of one
 * - null to a missing parameter, if it is optional
 *
 * @example
 * coerceParams(schema, { timeoutMs: '5000', cwd: null }); // { timeoutMs: 5000 }
 */
export function coerceParams(schema: unknown, params: Params): Record<string, unknown> {
  return isRecord(schema) ? coerceObject(schema, params, 0) : { ...params };
}

function coerceObject(schema: Schema, value: Params, depth: number): Record<string, unknown> {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required: readonly unknown[] = Array.isArray(schema.required) ? schema.required : [];
  const entries: [string, unknown][] = [];
  for (const [name, given] of Object.entries(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!isRecord(property)) entries.push([name, given]);
    else if (given !== null || required.includes(name) || mayBeNull(property))
      entries.push([name, coerce(property, given, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

function coerce(schema: Schema, value: unknown, depth: number): unknown {
  // A union, or no type: the value may mean several things.
  if (depth > maxDepth || typeof schema.type !== 'string' || typeof value === 'undefined') return value;
  switch (schema.type) {
    case 'integer':
    case 'number':
      return typeof value === 'string' ? numberIn(value) : value;
    case 'boolean':
      return value === 'true' ? true : value === 'false' ? false : value;
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    case 'object': {
      const object = typeof value === 'string' ? jsonIn(value, isRecord) : value;
      return isRecord(object) ? coerceObject(schema, object, depth) : object;
    }
    case 'array':
      return coerceArray(schema, value, depth);
    default:
      return value;
  }
}

function coerceArray(schema: Schema, value: unknown, depth: number): unknown {
  const { items } = schema;
  const parsed = typeof value === 'string' ? jsonIn(value, Array.isArray) : value;
  if (!isRecord(items)) return parsed;
  if (Array.isArray(parsed)) return parsed.map((item: unknown) => coerce(items, item, depth + 1));
  const isOne =
    (items.type === 'string' && typeof parsed === 'string') ||
    (items.type === 'object' && isRecord(parsed)) ||
    ((items.type === 'number' || items.type === 'integer') && typeof parsed === 'number');
  return isOne ? [coerce(items, parsed, depth + 1)] : parsed;
}

/** The number that the text spells in JSON, else the text itself: `007` and `0x10` are not numbers. */
function numberIn(text: string): number | string {
  const trimmed = text.trim();
  if (trimmed.length > 32 || !/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(trimmed)) return text;
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : text;
}

function jsonIn(text: string, fits: (value: unknown) => boolean): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return fits(value) ? value : text;
  } catch {
    // Text that only starts like JSON; the validator reports what is expected.
    return text;
  }
}

function mayBeNull({ type, enum: values, anyOf, oneOf }: Schema): boolean {
  if (type === 'null' || (Array.isArray(type) && type.includes('null'))) return true;
  if (Array.isArray(values) && values.includes(null)) return true;
  const branches: readonly unknown[] = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : [];
  // Without a type, every value is allowed.
  if (type === undefined && values === undefined && branches.length === 0) return true;
  return branches.some((branch) => isRecord(branch) && mayBeNull(branch));
}
