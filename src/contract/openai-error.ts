// An error as OpenAI's clients expect it. Every error of a route below `/v1` has this form.

import { nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const openAiErrorTypes = [
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'rate_limit_error',
  'server_error',
] as const;
export type OpenAiErrorType = (typeof openAiErrorTypes)[number];

export const openAiErrorSchema = {
  type: 'object',
  title: 'OpenAiError',
  description: 'An error in the form of the OpenAI API.',
  properties: {
    error: {
      type: 'object',
      properties: {
        message: text,
        type: { type: 'string', enum: openAiErrorTypes },
        param: { ...nullableText, description: 'The invalid parameter, such as `messages[0].role`.' },
        code: { ...nullableText, description: 'Stable and machine-readable.' },
      },
      required: ['message', 'type', 'param', 'code'],
      additionalProperties: false,
    },
  },
  required: ['error'],
  additionalProperties: false,
} as const;

export type OpenAiError = SchemaType<typeof openAiErrorSchema>;
