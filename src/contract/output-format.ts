// The form of an answer that a prompt asks for: JSON that matches a schema.

import type { SchemaType } from './schema-type.ts';

export const outputFormatSchema = {
  type: 'object',
  title: 'OutputFormat',
  description:
    'The answer must be JSON that matches `schema`. If it does not, the agent is told why and answers again, at most twice; then the run fails with `output_invalid`.',
  properties: {
    type: { type: 'string', enum: ['json_schema'] },
    schema: {
      type: 'object',
      additionalProperties: true,
      description: 'JSON Schema 2020-12, up to 64 KiB. `format` is not checked; `pattern` has RE2 syntax.',
    },
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9_-]+$',
      description: 'Told to the provider. Default: `answer`.',
    },
  },
  required: ['type', 'schema'],
  additionalProperties: false,
} as const;

export type OutputFormat = SchemaType<typeof outputFormatSchema>;
