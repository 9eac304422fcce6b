// Usage: the tokens that a model has read and written.

import { count } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const usageSchema = {
  type: 'object',
  properties: { inputTokens: count, outputTokens: count, totalTokens: count },
  required: ['inputTokens', 'outputTokens', 'totalTokens'],
  additionalProperties: false,
} as const;

export type Usage = SchemaType<typeof usageSchema>;

/** Null where the model does not say. */
export const nullableUsageSchema = {
  ...usageSchema,
  type: ['object', 'null'],
  description: 'Tokens used; null if the model does not report them.',
} as const;
