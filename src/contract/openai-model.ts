// A model of the OpenAI-compatible routes: an agent of this server, and optionally the language model that it uses.

import { text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const openAiModelSchema = {
  type: 'object',
  title: 'OpenAiModel',
  description: 'A name for `model`.',
  properties: {
    id: {
      ...text,
      minLength: 1,
      description: '`codebuddy`, or `codebuddy/MODEL` with a model of `GET /api/models`.',
    },
    object: { type: 'string', const: 'model' },
    created: { type: 'integer', description: 'Unix time in seconds.' },
    owned_by: text,
  },
  required: ['id', 'object', 'created', 'owned_by'],
  additionalProperties: false,
} as const;

export type OpenAiModel = SchemaType<typeof openAiModelSchema>;

export const openAiModelListSchema = {
  type: 'object',
  title: 'OpenAiModelList',
  properties: {
    object: { type: 'string', const: 'list' },
    data: { type: 'array', items: openAiModelSchema },
  },
  required: ['object', 'data'],
  additionalProperties: false,
} as const;

export type OpenAiModelList = SchemaType<typeof openAiModelListSchema>;
