// A model that could answer prompts, and why.

import { flag, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const nullableFlag = { type: ['boolean', 'null'] } as const;

export const modelUses = ['default', 'fallback', 'by_name'] as const;

/** What a model can do; null: not known. */
export const modelAbilitiesSchema = {
  type: 'object',
  title: 'ModelAbilities',
  description: 'What the model can do. Null: not known; then it is tried.',
  properties: {
    tools: nullableFlag,
    vision: { ...nullableFlag, description: 'It sees images.' },
    structuredOutput: { ...nullableFlag, description: 'Its provider holds it to a JSON Schema.' },
    reasoning: { ...nullableFlag, description: 'It reasons before it answers.' },
  },
  required: ['tools', 'vision', 'structuredOutput', 'reasoning'],
  additionalProperties: false,
} as const;

export type ModelAbilities = SchemaType<typeof modelAbilitiesSchema>;

const dollars = { type: 'number', minimum: 0 } as const;

export const modelSchema = {
  type: 'object',
  title: 'Model',
  properties: {
    id: { ...text, description: '`provider/name`, or `offline`. `options.model` of a prompt accepts it.' },
    provider: text,
    use: {
      type: 'string',
      enum: modelUses,
      description:
        '`default`: answers prompts that name no model; `fallback`: answers if those before it fail; `by_name`: answers prompts that name it.',
    },
    ready: { ...flag, description: 'False if it cannot be used as the server is set up.' },
    detail: { ...text, description: 'Why it is here, or what it needs.' },
    local: { ...flag, description: 'True if its server is on this machine or in its own network.' },
    reachable: {
      type: ['boolean', 'null'],
      description:
        'Whether its server answered just now. Null: not asked, because that would need a key, or the network.',
    },
    can: modelAbilitiesSchema,
    contextWindow: {
      type: ['integer', 'null'],
      minimum: 0,
      description: 'Tokens that it can read; null if not known.',
    },
    price: {
      type: ['object', 'null'],
      properties: { input: dollars, output: dollars },
      required: ['input', 'output'],
      additionalProperties: false,
      description: 'US dollars per million tokens; null if not known.',
    },
  },
  required: [
    'id',
    'provider',
    'use',
    'ready',
    'detail',
    'local',
    'reachable',
    'can',
    'contextWindow',
    'price',
  ],
  additionalProperties: false,
} as const;

export type Model = SchemaType<typeof modelSchema>;

export const modelPlaceSchema = {
  type: 'object',
  title: 'ModelPlace',
  properties: {
    provider: text,
    where: {
      ...text,
      description: 'The environment variables, the address or the field that was looked at.',
    },
    found: { ...nullableText, description: 'The model that was found; null if none.' },
    detail: text,
  },
  required: ['provider', 'where', 'found', 'detail'],
  additionalProperties: false,
} as const;

export const modelsSchema = {
  type: 'object',
  title: 'Models',
  properties: {
    models: {
      type: 'array',
      items: modelSchema,
      description: 'The one that answers first, then its fallbacks, then those that a prompt may name.',
    },
    reason: { ...text, description: 'Why the first one was chosen.' },
    places: {
      type: 'array',
      items: modelPlaceSchema,
      description:
        'Where models were looked for, now. A model that appears later is chosen at the next start.',
    },
  },
  required: ['models', 'reason', 'places'],
  additionalProperties: false,
} as const;

/** The models that could answer, and the places where they were looked for. */
export type Models = SchemaType<typeof modelsSchema>;
