// Rewrites the schema of a tool so that every provider accepts it. MCP servers use plain JSON Schema; each provider
// refuses some of it and answers the whole request with a 400. Only constraints are removed, and the server that runs
// the tool still checks them.
//
// | what                                           | refused by              | becomes                                    |
// | ---------------------------------------------- | ----------------------- | ------------------------------------------ |
// | a root that is not `type: object`              | OpenAI, Anthropic, Kimi | an object with `properties`                |
// | `anyOf`, `oneOf`, `allOf` at the root          | OpenAI, Anthropic       | one object; the rule becomes a sentence    |
// | `enum`, `const`, `not` at the root             | OpenAI                  | left out                                   |
// | an array without `items`, tuples               | OpenAI, Gemini, Kimi    | `items` of any, or of the tuple's members  |
// | a property without `type`                      | OpenAI, Kimi            | the type that its keywords imply, or a union |
// | nested `allOf`                                 | OpenAI                  | merged                                     |
// | `$ref`                                         | Gemini, Kimi            | what it refers to                          |
// | lists in `type`, `type` beside `anyOf`         | Gemini, Kimi            | branches of `anyOf`                        |
// | `$schema`, `const`, `if`, `patternProperties`… | Gemini, Kimi            | `enum`, or left out                        |
// | `enum` of anything but strings                 | Gemini                  | a sentence                                 |
//
// Sources: OpenAI (langchain-ai/langchainjs#9804, PrefectHQ/fastmcp#2464, apexive/odoo-llm#212), Anthropic
// (kenn-io/kata#365), Gemini (router-for-me/CLIProxyAPI#97, CherryHQ/cherry-studio#20939), Kimi
// (MoonshotAI/kimi-code#2661, MoonshotAI/kimi-cli#2061).

import { isRecord } from '../../base/is-record.ts';
import { unescapePointer } from '../../base/json-pointer.ts';

type Schema = Readonly<Record<string, unknown>>;
type Draft = Record<string, unknown>;

/** Keywords that are kept unchanged; all others are rewritten or removed. */
const plainKeywords = [
  'title',
  'description',
  'default',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
] as const;

/** Annotations; they are placed beside a union. */
const toldKeywords = ['title', 'description', 'default'] as const;

const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'] as const;

/** A recursive schema, or one that unfolds into more than this, ends in "any object". */
const maxDepth = 12;
const maxNodes = 2000;

export interface FittedSchema {
  readonly schema: Schema;
  /** A removed rule as a sentence for the tool's description; empty if there is none. */
  readonly rule: string;
}

/**
 * Rewrites the schema of a tool's parameters for all providers. The same schema always gives the same bytes, so that
 * prompt caches work.
 *
 * @example
 * fitSchema({ anyOf: [{ required: ['id'] }, { required: ['name'] }], properties: { id: {…}, name: {…} } });
 * // { schema: { type: 'object', properties: {…} }, rule: 'Give one of these sets of parameters: id; name.' }
 */
export function fitSchema(given: unknown): FittedSchema {
  const fitter = new Fitter(given);
  const root = fitter.resolve(given, []);
  const branches = (['anyOf', 'oneOf'] as const).flatMap((word) => schemasIn(root[word]));
  const parts = [root, ...schemasIn(root.allOf)].map((part) => fitter.resolve(part, []));
  const alternatives = branches.map((branch) => fitter.resolve(branch, []));

  const properties: Draft = {};
  for (const part of [...parts, ...alternatives]) {
    for (const [name, property] of Object.entries(isRecord(part.properties) ? part.properties : {})) {
      if (property === false || Object.hasOwn(properties, name)) continue;
      // An assignment would fail for a property named `__proto__`.
      Object.defineProperty(properties, name, {
        value: fitter.fit(property, 1, []),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
  }
  const always = parts.flatMap(requiredIn);
  const sets = alternatives.map(requiredIn);
  const shared = (sets[0] ?? []).filter((name) => sets.every((set) => set.includes(name)));
  const required = [...new Set([...always, ...shared])].filter((name) => Object.hasOwn(properties, name));
  const description = typeof root.description === 'string' ? { description: root.description } : {};
  return {
    schema: { type: 'object', ...description, properties, ...(required.length === 0 ? {} : { required }) },
    rule: ruleOf(sets.map((set) => set.filter((name) => !required.includes(name)))),
  };
}

function ruleOf(sets: readonly (readonly string[])[]): string {
  const told = sets.filter((set) => set.length > 0).map((set) => set.join(', '));
  return told.length < 2 ? '' : `Give one of these sets of parameters: ${told.join('; ')}.`;
}

class Fitter {
  readonly #root: Schema;
  #nodes = 0;

  constructor(root: unknown) {
    this.#root = isRecord(root) ? root : {};
  }

  /** The schema behind `$ref`, merged with the keywords beside it. `seen`: the references followed so far. */
  resolve(given: unknown, seen: readonly string[]): Schema {
    if (!isRecord(given)) return {};
    const { $ref: ref, ...rest } = given;
    if (typeof ref !== 'string') return given;
    if (seen.includes(ref)) return { type: 'object', ...rest };
    return { ...this.resolve(pointed(this.#root, ref), [...seen, ref]), ...rest };
  }

  fit(given: unknown, depth: number, seen: readonly string[]): Schema {
    this.#nodes++;
    const isTooMuch = depth > maxDepth || this.#nodes > maxNodes;
    if (isTooMuch || !isRecord(given)) return anything();
    const ref = typeof given.$ref === 'string' ? given.$ref : undefined;
    if (ref !== undefined && seen.includes(ref)) return { type: 'object', properties: {} };
    const known = ref === undefined ? seen : [...seen, ref];
    const schema = merged(this.resolve(given, seen), (part) => this.resolve(part, known));

    const plain: Draft = {};
    for (const word of plainKeywords) if (schema[word] !== undefined) plain[word] = schema[word];
    const values = valuesIn(schema);
    if (values !== undefined && values.length > 0) plain.enum = values;

    const told = pick(plain, toldKeywords);
    const branches = (['anyOf', 'oneOf'] as const).flatMap((word) => schemasIn(schema[word]));
    if (branches.length > 0) {
      // The branches carry the type; the constraints beside them go into each.
      const beside = omit(schema, [...toldKeywords, 'anyOf', 'oneOf']);
      return {
        ...told,
        anyOf: branches.map((branch) =>
          this.fit({ ...beside, ...this.resolve(branch, known) }, depth + 1, known),
        ),
      };
    }
    const wanted = typesOf(schema, values);
    if (wanted.length === 0) return { ...plain, ...anything() };
    if (wanted.length === 1) return this.#ofType(wanted[0] as string, plain, schema, depth, known);
    const constraints = omit(plain, toldKeywords);
    return {
      ...told,
      anyOf: wanted.map((type) =>
        this.#ofType(type, type === 'null' ? {} : constraints, schema, depth, known),
      ),
    };
  }

  #ofType(type: string, plain: Draft, schema: Schema, depth: number, seen: readonly string[]): Schema {
    if (type === 'array')
      return { ...withValuesInWords(plain), type, items: this.#itemsOf(schema, depth, seen) };
    if (type === 'string') return { ...withTextValues(plain), type };
    if (type !== 'object') return { ...withValuesInWords(plain), type };
    const given = isRecord(schema.properties) ? schema.properties : {};
    const properties: Draft = {};
    for (const [name, property] of Object.entries(given)) {
      if (property === false) continue;
      Object.defineProperty(properties, name, {
        value: this.fit(property, depth + 1, seen),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    const required = requiredIn(schema).filter((name) => Object.hasOwn(properties, name));
    return { ...withValuesInWords(plain), type, properties, ...(required.length === 0 ? {} : { required }) };
  }

  #itemsOf(schema: Schema, depth: number, seen: readonly string[]): Schema {
    const { items, prefixItems } = schema;
    const tuple = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : undefined;
    if (tuple === undefined) return this.fit(items, depth + 1, seen);
    const members = new Map(
      tuple.map((member: unknown) => {
        const fitted = this.fit(member, depth + 1, seen);
        return [JSON.stringify(fitted), fitted];
      }),
    );
    const [only] = members.values();
    if (members.size <= 1) return only ?? anything();
    return { anyOf: [...members.values()] };
  }
}

/** Keeps only strings among the values of a string. */
function withTextValues({ enum: values, ...rest }: Draft): Draft {
  const texts = Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
  return texts.length === 0 ? rest : { ...rest, enum: texts };
}

/** Gemini accepts `enum` for strings only. */
function withValuesInWords({ enum: values, ...rest }: Draft): Draft {
  if (!Array.isArray(values) || values.length === 0) return rest;
  const words = `One of: ${values.map((value) => JSON.stringify(value)).join(', ')}.`;
  return { ...rest, description: rest.description === undefined ? words : `${rest.description} ${words}` };
}

/** Any value, with a type in each branch. */
function anything(): Schema {
  return {
    anyOf: [
      { type: 'string' },
      { type: 'number' },
      { type: 'boolean' },
      { type: 'object', properties: {} },
      { type: 'array', items: { type: 'string' } },
    ],
  };
}

/**
 * Merges `allOf` into the schema: `properties` and `required` are united; other keywords come from the first schema
 * that has them.
 */
function merged(schema: Schema, resolve: (part: Schema) => Schema, depth = 0): Schema {
  const parts = schemasIn(schema.allOf).map(resolve);
  // A recursive `allOf` has no end.
  if (parts.length === 0 || depth > maxDepth) return schema;
  const { allOf: _parts, ...own } = schema;
  let result: Schema = own;
  for (const part of parts) {
    const flat = merged(part, resolve, depth + 1);
    result = {
      ...flat,
      ...result,
      properties: {
        ...(isRecord(flat.properties) ? flat.properties : {}),
        ...(isRecord(result.properties) ? result.properties : {}),
      },
      required: [...new Set([...requiredIn(result), ...requiredIn(flat)])],
    };
  }
  if (Object.keys(result.properties as object).length > 0) return result;
  const { properties: _none, ...rest } = result;
  return rest;
}

function valuesIn({ enum: values, const: value }: Schema): readonly unknown[] | undefined {
  const all = Array.isArray(values) ? values : value === undefined ? undefined : [value];
  // Objects and lists are dropped: the server checks them.
  return all?.filter((one) => typeof one !== 'object' || one === null);
}

/** The types of `type`, else those that other keywords imply; empty: any type. */
function typesOf(schema: Schema, values: readonly unknown[] | undefined): readonly string[] {
  const said = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter(
    (type): type is string => typeof type === 'string' && (types as readonly string[]).includes(type),
  );
  if (said.length > 0) return [...new Set(said)];
  if (values !== undefined && values.length > 0) return [...new Set(values.map(typeOf))];
  if (isRecord(schema.properties) || schema.required !== undefined) return ['object'];
  if (schema.items !== undefined || schema.prefixItems !== undefined) return ['array'];
  if (schema.pattern !== undefined || schema.minLength !== undefined || schema.maxLength !== undefined)
    return ['string'];
  if (schema.minimum !== undefined || schema.maximum !== undefined) return ['number'];
  return [];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** Local references only (RFC 6901); anything else is "any object". */
function pointed(root: Schema, ref: string): unknown {
  if (!ref.startsWith('#')) return { type: 'object' };
  let at: unknown = root;
  for (const step of ref.slice(1).split('/').slice(1)) {
    const name = unescapePointer(decode(step));
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, name) ? (at as Schema)[name] : undefined;
  }
  return at ?? { type: 'object' };
}

function decode(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    // A stray per cent sign: the name is used as it is.
    return step;
  }
}

function pick(schema: Schema, words: readonly string[]): Draft {
  return Object.fromEntries(Object.entries(schema).filter(([word]) => words.includes(word)));
}

function omit(schema: Schema, words: readonly string[]): Draft {
  return Object.fromEntries(Object.entries(schema).filter(([word]) => !words.includes(word)));
}

function schemasIn(value: unknown): readonly Schema[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function requiredIn({ required }: Schema): readonly string[] {
  return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
}
