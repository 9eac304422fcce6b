// The result of a prompt: the answer of the agent, its usage and its cost.

import { nullableCost, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { nullableUsageSchema } from './usage.ts';

/** Any JSON value. */
export const outputData = {
  description: 'The value of the answer, if `options.format` asked for JSON. Absent otherwise.',
} as const;

export const promptResultSchema = {
  type: 'object',
  title: 'PromptResult',
  description: 'The answer to a prompt.',
  properties: {
    response: text,
    data: outputData,
    sessionId: text,
    runId: text,
    model: nullableText,
    usage: nullableUsageSchema,
    cost: nullableCost,
    finishReason: text,
  },
  required: ['response', 'sessionId', 'runId', 'model', 'usage', 'cost', 'finishReason'],
} as const;

export type PromptResult = SchemaType<typeof promptResultSchema>;
