// The compaction of a session: its older messages become a summary for the model.

import { count, nullableCost, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { nullableUsageSchema } from './usage.ts';

/** The body of `POST /api/sessions/{id}/compact`. */
export const compactInputSchema = {
  type: 'object',
  properties: {
    model: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'The model that writes the summary. Default: the model of the server.',
    },
  },
  additionalProperties: false,
} as const;

export type CompactInput = SchemaType<typeof compactInputSchema>;

const tokens = { ...count, description: 'An estimate.' } as const;

export const compactionFigures = {
  summarized: { ...count, description: 'Prompts and answers that the summary replaces.' },
  kept: { ...count, description: 'Prompts and answers that are sent unchanged.' },
  tokensBefore: tokens,
  tokensAfter: tokens,
  model: nullableText,
  usage: nullableUsageSchema,
  cost: nullableCost,
} as const;

export const compactionSchema = {
  type: 'object',
  title: 'Compaction',
  description:
    'What was done to shorten the conversation that models read. The messages of the session stay.',
  properties: {
    sessionId: text,
    compacted: { type: 'boolean' },
    reason: { ...nullableText, description: 'Why nothing was compacted. Null if it was.' },
    summary: nullableText,
    ...compactionFigures,
  },
  required: [
    'sessionId',
    'compacted',
    'reason',
    'summary',
    'summarized',
    'kept',
    'tokensBefore',
    'tokensAfter',
    'model',
    'usage',
    'cost',
  ],
  additionalProperties: false,
} as const;

export type Compaction = SchemaType<typeof compactionSchema>;
