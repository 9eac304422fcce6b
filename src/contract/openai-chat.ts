// A chat completion: the body of `POST /v1/chat/completions`, the whole answer, and one chunk of a streamed answer.
// Bodies may have more fields than these; src/openai/parameters.ts says which ones are refused.

import { count, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const nullableFlag = { type: ['boolean', 'null'] } as const;

export const chatRoles = ['system', 'developer', 'user', 'assistant', 'tool'] as const;

const contentPartSchema = {
  type: 'object',
  properties: { type: text, text: text, refusal: text },
  required: ['type'],
  additionalProperties: true,
} as const;

const contentSchema = {
  anyOf: [{ type: 'string' }, { type: 'array', items: contentPartSchema }, { type: 'null' }],
} as const;

export const chatMessageSchema = {
  type: 'object',
  title: 'ChatMessage',
  properties: {
    role: { type: 'string', enum: chatRoles },
    content: {
      ...contentSchema,
      description:
        'Text, or parts: `text`; of the user also `image_url` and `file` with a `data:` URL. Images and files of earlier messages are left out of a conversation that begins elsewhere.',
    },
    tool_calls: {
      type: ['array', 'null'],
      items: {
        type: 'object',
        properties: {
          id: text,
          function: {
            type: 'object',
            properties: { name: text, arguments: text },
            required: ['name', 'arguments'],
            additionalProperties: true,
          },
        },
        required: ['id'],
        additionalProperties: true,
      },
    },
    tool_call_id: text,
  },
  required: ['role'],
  additionalProperties: true,
} as const;

export type ChatMessage = SchemaType<typeof chatMessageSchema>;

export const modelNameSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 256,
  default: 'codebuddy',
  description: 'An id of `GET /v1/models`.',
} as const;

export const chatRequestSchema = {
  type: 'object',
  title: 'ChatCompletionRequest',
  description:
    'Parameters that this server cannot honour are refused; sampling parameters such as `temperature` are ignored.',
  properties: {
    model: modelNameSchema,
    messages: { type: 'array', items: chatMessageSchema, minItems: 1, maxItems: 10_000 },
    stream: nullableFlag,
    stream_options: {
      type: ['object', 'null'],
      properties: { include_usage: nullableFlag },
      additionalProperties: true,
    },
    max_tokens: { type: ['integer', 'null'], minimum: 1 },
    max_completion_tokens: { type: ['integer', 'null'], minimum: 1 },
  },
  required: ['messages'],
  additionalProperties: true,
} as const;

export type ChatRequest = SchemaType<typeof chatRequestSchema>;

export const chatFinishReasons = ['stop', 'length', 'content_filter'] as const;
export type ChatFinishReason = (typeof chatFinishReasons)[number];

const finishReasonSchema = { type: 'string', enum: chatFinishReasons } as const;

export const chatUsageSchema = {
  type: 'object',
  properties: { prompt_tokens: count, completion_tokens: count, total_tokens: count },
  required: ['prompt_tokens', 'completion_tokens', 'total_tokens'],
  additionalProperties: false,
} as const;

export type ChatUsage = SchemaType<typeof chatUsageSchema>;

const answerHead = {
  id: text,
  created: { type: 'integer', description: 'Unix time in seconds.' },
  model: text,
} as const;

export const chatCompletionSchema = {
  type: 'object',
  title: 'ChatCompletion',
  description: 'The answer of the agent.',
  properties: {
    ...answerHead,
    object: { type: 'string', const: 'chat.completion' },
    choices: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          index: count,
          message: {
            type: 'object',
            properties: {
              role: { type: 'string', const: 'assistant' },
              content: text,
              refusal: { type: 'null' },
            },
            required: ['role', 'content', 'refusal'],
            additionalProperties: false,
          },
          logprobs: { type: 'null' },
          finish_reason: finishReasonSchema,
        },
        required: ['index', 'message', 'logprobs', 'finish_reason'],
        additionalProperties: false,
      },
    },
    usage: chatUsageSchema,
  },
  required: ['id', 'object', 'created', 'model', 'choices', 'usage'],
  additionalProperties: false,
} as const;

export type ChatCompletion = SchemaType<typeof chatCompletionSchema>;

export const chatChunkSchema = {
  type: 'object',
  title: 'ChatCompletionChunk',
  description:
    'A part of a streamed answer. Events that have a name (`tool.start`, `permission.request`, …) report what the agent does: they have no choices.',
  properties: {
    ...answerHead,
    object: { type: 'string', const: 'chat.completion.chunk' },
    choices: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          index: count,
          delta: {
            type: 'object',
            properties: { role: { type: 'string', const: 'assistant' }, content: text },
            additionalProperties: false,
          },
          logprobs: { type: 'null' },
          finish_reason: { type: ['string', 'null'], enum: [...chatFinishReasons, null] },
        },
        required: ['index', 'delta', 'finish_reason'],
        additionalProperties: false,
      },
    },
    usage: { ...chatUsageSchema, type: ['object', 'null'] },
    codebuddy: { type: 'object', additionalProperties: true, description: 'The data of a named event.' },
  },
  required: ['id', 'object', 'created', 'model', 'choices'],
  additionalProperties: false,
} as const;

export type ChatChunk = SchemaType<typeof chatChunkSchema>;
