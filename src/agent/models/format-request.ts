// How a model is asked for JSON: the system prompt always says so, and the provider is told where it can hold the model
// to a schema without keeping it from calling tools.
//
// | provider  | native mode                          | condition                         |
// | --------- | ------------------------------------ | --------------------------------- |
// | openai    | `text.format`, strict if possible    | the schema is one of an object    |
// | xai       | `text.format` or `response_format`   | the schema is one of an object    |
// | anthropic | `output_config.format`               | the schema is one of an object    |
// | google    | `responseJsonSchema`                 | no tools are declared             |
// | others    | none: servers that constrain the whole answer to a grammar cannot call tools meanwhile         |
//
// A model that refuses the mode is asked again without it.

import type { JSONSchema7, LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { isRecord } from '../../base/is-record.ts';
import type { OutputFormat } from '../../contract/output-format.ts';

type ProviderOptions = NonNullable<LanguageModelV4CallOptions['providerOptions']>;

export function formatInstructions({ schema }: OutputFormat): string {
  return `Your final answer must be one JSON value that matches the JSON Schema below, and nothing else: no words before or after it, and no code fence.\n\n${JSON.stringify(schema)}`;
}

/** Told to the model after an answer that is not valid. */
export function correction(fault: string): string {
  return `Your answer ${fault}. Answer again, with only the JSON value.`;
}

/** The parts of a request that select the native mode; undefined if it has none. */
export function nativeFormat(
  model: string,
  { schema, name = 'answer' }: OutputFormat,
  { hasTools }: { readonly hasTools: boolean },
):
  | {
      readonly responseFormat: NonNullable<LanguageModelV4CallOptions['responseFormat']>;
      readonly providerOptions: ProviderOptions;
    }
  | undefined {
  const [provider] = model.split('/');
  const isOfObject = schema.type === 'object' && isRecord(schema.properties);
  const responseFormat = { type: 'json' as const, schema: schema as JSONSchema7, name };
  switch (provider) {
    case 'openai':
    case 'xai':
      return isOfObject
        ? { responseFormat, providerOptions: { openai: { strictJsonSchema: isStrict(schema) } } }
        : undefined;
    case 'anthropic':
      return isOfObject
        ? { responseFormat, providerOptions: { anthropic: { structuredOutputMode: 'outputFormat' } } }
        : undefined;
    case 'google':
      return hasTools ? undefined : { responseFormat, providerOptions: {} };
    default:
      return undefined;
  }
}

/** Whether OpenAI's strict mode takes the schema: each object has only required properties. */
export function isStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isStrict);
  if (!isRecord(schema)) return true;
  if (Object.keys(schema).some((keyword) => notStrict.has(keyword))) return false;
  const { properties, required } = schema;
  if (schema.type === 'object' || properties !== undefined) {
    if (!isRecord(properties) || schema.additionalProperties !== false) return false;
    const names = Array.isArray(required) ? required : [];
    if (!Object.keys(properties).every((name) => names.includes(name))) return false;
  }
  return [
    ...Object.values(isRecord(properties) ? properties : {}),
    ...Object.values(isRecord(schema.$defs) ? schema.$defs : {}),
    schema.items,
    schema.anyOf,
  ].every(isStrict);
}

const notStrict: ReadonlySet<string> = new Set([
  'allOf',
  'oneOf',
  'not',
  'if',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'propertyNames',
  'unevaluatedProperties',
  'prefixItems',
  'contains',
  'uniqueItems',
  'definitions',
]);
