// A tool: a named action of the agent with a JSON Schema for its parameters.

import { text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const toolSchema = {
  type: 'object',
  title: 'Tool',
  properties: {
    name: text,
    description: text,
    inputSchema: {
      type: 'object',
      additionalProperties: true,
      description: 'JSON Schema (2020-12) of the parameters.',
    },
    readOnly: { type: 'boolean', description: 'True if the tool changes nothing.' },
  },
  required: ['name', 'description', 'inputSchema', 'readOnly'],
} as const;

export type ToolDescription = SchemaType<typeof toolSchema>;
