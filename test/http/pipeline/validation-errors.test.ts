// Validation errors name the field, the fault and the valid values, for every keyword of JSON Schema that routes use.

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect, test } from 'vitest';
import { fieldFaults, fieldName } from '../../../src/base/schema-errors.ts';

const ajv = new Ajv2020({ allErrors: true, strict: false, verbose: true });
addFormats.default(ajv);

/** `field message` for each error. */
function errorsOf(schema: object, value: unknown): readonly string[] {
  const validate = ajv.compile(schema);
  expect(validate(value)).toBe(false);
  return fieldFaults(validate.errors ?? []).map(({ pointer, message }) => `${fieldName(pointer)} ${message}`);
}

const fields: readonly (readonly [schema: object, value: unknown, message: string])[] = [
  [{ type: 'string' }, 1, 'must be a string'],
  [{ type: ['string', 'null'] }, 1, 'must be a string or null'],
  [{ type: 'boolean' }, 'yes', 'must be true or false'],
  [{ type: 'integer', minimum: 1, maximum: 200 }, 'x', 'must be a whole number from 1 to 200'],
  [{ type: 'integer', minimum: 1, maximum: 200 }, 0.5, 'must be a whole number from 1 to 200'],
  [{ type: 'integer', minimum: 1 }, 0, 'must be a whole number of at least 1'],
  [{ type: 'number', exclusiveMinimum: 0 }, 0, 'must be a number greater than 0'],
  [{ maximum: 9 }, 10, 'must be a number of at most 9'],
  [{ type: 'number', multipleOf: 5 }, 7, 'must be a multiple of 5'],
  [{ type: 'string', minLength: 1, maxLength: 128 }, '', 'must be a string of 1 to 128 characters'],
  [{ type: 'string', maxLength: 1 }, 'ab', 'must be a string of at most 1 character'],
  [{ type: 'string', pattern: '^a+$' }, 'b', 'must match the pattern ^a+$'],
  [{ type: 'string', format: 'date-time' }, 'now', 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z'],
  [{ type: 'string', format: 'uuid' }, 'x', 'must be a UUID'],
  [{ enum: ['asc', 'desc'] }, 'up', 'must be one of "asc", "desc"'],
  [{ const: true }, false, 'must be true'],
  [{ type: 'array', minItems: 1 }, [], 'must be a list of at least 1 item'],
  [{ type: 'array', uniqueItems: true }, [1, 1], 'must not contain duplicates'],
  [{ type: 'object', minProperties: 1 }, {}, 'must be an object with at least 1 field'],
  [{ anyOf: [{ type: 'string' }, { type: 'array' }] }, 1, 'must be a string or a list'],
  [
    { anyOf: [{ type: 'string', maxLength: 1 }, { type: 'null' }] },
    'ab',
    'must be a string of at most 1 character',
  ],
  [{ oneOf: [{ type: 'number' }, { minimum: 0 }] }, 1, 'must match exactly one of the allowed forms'],
  [{ not: {} }, 1, 'has a value that is not allowed'],
  [false, 1, 'is not allowed'] as never,
];

test.each(fields)('%j refuses %j: "%s"', (schema, value, message) => {
  expect(errorsOf({ properties: { field: schema } }, { field: value })).toEqual([`field ${message}`]);
});

test('a missing and an unknown field are named themselves', () => {
  const schema = { properties: { a: { required: ['b/c'], additionalProperties: false } } };
  expect(errorsOf(schema, { a: { d: 1 } })).toEqual(['a.b/c is required', 'a.d is not a known field']);
});

test('items of lists are named by their index', () => {
  const schema = { properties: { types: { items: { anyOf: [{ type: 'string' }, { type: 'null' }] } } } };
  expect(errorsOf(schema, { types: [1, 'a', 2] })).toEqual([
    'types[0] must be a string or null',
    'types[2] must be a string or null',
  ]);
});
