// Tool schemas that every provider accepts: for any schema of an MCP server, the result has nothing that a provider is
// known to refuse.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitSchema } from '../../src/agent/models/fit-schema.ts';

type Schema = Readonly<Record<string, unknown>>;

const known = new Set([
  ...['type', 'title', 'description', 'default', 'format', 'pattern', 'minLength', 'maxLength', 'minimum'],
  ...['maximum', 'minItems', 'maxItems', 'enum', 'anyOf', 'properties', 'required', 'items'],
]);

/** The paths of everything that a provider would refuse. */
function refusals(schema: Schema, path = '#'): readonly string[] {
  const wrong: string[] = [];
  const say = (what: string): void => void wrong.push(`${path}: ${what}`);
  for (const word of Object.keys(schema)) if (!known.has(word)) say(`unknown keyword ${word}`);
  const { type, anyOf, properties, required, items, enum: values } = schema;
  if (path === '#' && type !== 'object') say('root is no object');
  if (anyOf === undefined && typeof type !== 'string') say('no type');
  if (anyOf !== undefined && type !== undefined) say('type beside anyOf');
  if (type === 'array' && (typeof items !== 'object' || Array.isArray(items))) say('array without items');
  if (type === 'object' && typeof properties !== 'object') say('object without properties');
  if (Array.isArray(values) && !values.every((value) => typeof value === 'string'))
    say('enum of non-strings');
  for (const name of (required as string[] | undefined) ?? [])
    if (!Object.hasOwn((properties ?? {}) as Schema, name)) say(`required ${name} has no property`);
  if (Array.isArray(anyOf)) {
    if (anyOf.length === 0) say('empty anyOf');
    for (const [index, branch] of anyOf.entries()) wrong.push(...refusals(branch, `${path}/anyOf/${index}`));
  }
  if (typeof items === 'object' && items !== null && !Array.isArray(items))
    wrong.push(...refusals(items as Schema, `${path}/items`));
  for (const [name, property] of Object.entries((properties ?? {}) as Record<string, Schema>))
    wrong.push(...refusals(property, `${path}/properties/${name}`));
  return wrong;
}

const string = { type: 'string' };
const number = { type: 'number' };

describe('a tool schema', () => {
  it.each([
    ['nothing', undefined, { type: 'object', properties: {} }],
    ['no properties', { type: 'object' }, { type: 'object', properties: {} }],
    [
      'what every provider takes, unchanged',
      { type: 'object', properties: { a: { ...string, minLength: 1, description: 'A.' } }, required: ['a'] },
      { type: 'object', properties: { a: { ...string, minLength: 1, description: 'A.' } }, required: ['a'] },
    ],
    [
      'words that only some know',
      {
        $schema: 'x',
        type: 'object',
        properties: { a: { const: 'b', $comment: 'c' } },
        additionalProperties: false,
      },
      { type: 'object', properties: { a: { type: 'string', enum: ['b'] } } },
    ],
    [
      'a list without items',
      {
        type: 'object',
        properties: { a: { type: 'array', items: string }, b: { type: 'array', items: [number] } },
      },
      {
        type: 'object',
        properties: { a: { type: 'array', items: string }, b: { type: 'array', items: number } },
      },
    ],
    [
      'a tuple',
      { type: 'object', properties: { a: { type: 'array', prefixItems: [string, number, string] } } },
      { type: 'object', properties: { a: { type: 'array', items: { anyOf: [string, number] } } } },
    ],
    [
      'two types',
      { type: 'object', properties: { a: { type: ['string', 'null'], description: 'A.', minLength: 2 } } },
      {
        type: 'object',
        properties: { a: { description: 'A.', anyOf: [{ ...string, minLength: 2 }, { type: 'null' }] } },
      },
    ],
    [
      'a reference',
      {
        type: 'object',
        properties: { a: { $ref: '#/$defs/x~1y', description: 'A.' } },
        $defs: { 'x/y': number },
      },
      { type: 'object', properties: { a: { ...number, description: 'A.' } } },
    ],
    [
      'a nested allOf',
      {
        type: 'object',
        properties: {
          a: { allOf: [{ properties: { x: string }, required: ['x'] }, { properties: { y: number } }] },
        },
      },
      {
        type: 'object',
        properties: { a: { type: 'object', properties: { x: string, y: number }, required: ['x'] } },
      },
    ],
    [
      'type beside anyOf',
      { type: 'object', properties: { a: { type: 'string', anyOf: [{ minLength: 1 }, { pattern: 'x' }] } } },
      {
        type: 'object',
        properties: {
          a: {
            anyOf: [
              { ...string, minLength: 1 },
              { ...string, pattern: 'x' },
            ],
          },
        },
      },
    ],
    [
      'numbers to choose from',
      { type: 'object', properties: { a: { type: 'integer', enum: [1, 2], description: 'A.' } } },
      { type: 'object', properties: { a: { type: 'integer', description: 'A. One of: 1, 2.' } } },
    ],
    [
      'required without a property',
      { type: 'object', properties: { a: string }, required: ['a', 'b'] },
      { type: 'object', properties: { a: string }, required: ['a'] },
    ],
  ])('with %s', (_what, given, fitted) => {
    expect(fitSchema(given).schema).toEqual(fitted);
  });

  it('with a union at its root becomes one object, and its description names the rule', () => {
    const fitted = fitSchema({
      description: 'Finds a person.',
      anyOf: [
        { type: 'object', properties: { realm: string, id: number }, required: ['realm', 'id'] },
        {
          type: 'object',
          properties: { realm: string, name: string, born: string },
          required: ['realm', 'name', 'born'],
        },
      ],
    });
    expect(fitted).toEqual({
      schema: {
        type: 'object',
        description: 'Finds a person.',
        properties: { realm: string, id: number, name: string, born: string },
        required: ['realm'],
      },
      rule: 'Give one of these sets of parameters: id; name, born.',
    });
  });

  it('that refers to itself at any depth is resolved', () => {
    const tree = {
      type: 'object',
      properties: {
        node: { $ref: '#/$defs/node' },
        loop: { $ref: '#/$defs/loop' },
        all: { $ref: '#/$defs/all' },
      },
      $defs: {
        node: {
          type: 'object',
          properties: { children: { type: 'array', items: { $ref: '#/$defs/node' } } },
        },
        loop: { $ref: '#/$defs/loop' },
        all: { allOf: [{ $ref: '#/$defs/all' }, { properties: { x: { $ref: '#' } } }] },
      },
    };
    expect(refusals(fitSchema(tree).schema)).toEqual([]);
  });

  it('that expands without end stays small', () => {
    const $defs = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => {
        const next = { $ref: `#/$defs/d${n + 1}` };
        return [`d${n}`, { type: 'object', properties: { a: next, b: next, c: next } }];
      }),
    );
    const { schema } = fitSchema({ type: 'object', properties: { a: { $ref: '#/$defs/d0' } }, $defs });
    expect(refusals(schema)).toEqual([]);
    expect(JSON.stringify(schema).length).toBeLessThan(1_000_000);
  });

  it('of any kind is converted, always to the same bytes', () => {
    const word = fc.constantFrom('a', 'b', '__proto__', 'constructor', '$ref', 'x y');
    const { schema } = fc.letrec((tie) => ({
      schema: fc.oneof(
        { depthSize: 'small' },
        fc.boolean(),
        fc.record(
          {
            type: fc.oneof(
              fc.constantFrom('string', 'number', 'integer', 'boolean', 'object', 'array', 'null', 'any'),
              fc.array(fc.constantFrom('string', 'null', 'array', 'object'), { maxLength: 3 }),
            ),
            enum: fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxLength: 3 }),
            const: fc.oneof(fc.string(), fc.integer(), fc.object()),
            items: fc.oneof(tie('schema'), fc.array(tie('schema'), { maxLength: 2 })),
            prefixItems: fc.array(tie('schema'), { maxLength: 2 }),
            properties: fc.dictionary(word, tie('schema'), { maxKeys: 3 }),
            required: fc.array(word, { maxLength: 3 }),
            anyOf: fc.array(tie('schema'), { maxLength: 2 }),
            oneOf: fc.array(tie('schema'), { maxLength: 2 }),
            allOf: fc.array(tie('schema'), { maxLength: 2 }),
            not: tie('schema'),
            patternProperties: fc.dictionary(word, tie('schema'), { maxKeys: 2 }),
            $ref: fc.constantFrom('#', '#/properties/a', '#/items', '#/nowhere/%', 'https://example.org/x'),
            description: fc.string(),
          },
          { requiredKeys: [] },
        ),
      ),
    }));
    fc.assert(
      fc.property(schema, (given) => {
        const fitted = fitSchema(given);
        expect(refusals(fitted.schema)).toEqual([]);
        expect(JSON.stringify(fitSchema(structuredClone(given)))).toBe(JSON.stringify(fitted));
      }),
      { numRuns: 2000 },
    );
  });
});
