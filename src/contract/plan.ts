// A plan: the steps that an agent has decided to take, in its own words.

import { text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const planEntrySchema = {
  type: 'object',
  title: 'PlanEntry',
  properties: {
    content: text,
    status: { type: 'string', enum: ['pending', 'in_progress', 'completed'] },
    priority: { type: 'string', enum: ['high', 'medium', 'low'] },
  },
  required: ['content', 'status', 'priority'],
  additionalProperties: false,
} as const;

export type PlanEntry = SchemaType<typeof planEntrySchema>;
