// A setting of the server: its value, where it came from, and what changes it.

import { nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const settingSchema = {
  type: 'object',
  title: 'Setting',
  properties: {
    name: text,
    value: {
      description:
        'The value in use; null if there is none. Secrets are masked: `(set)` for a key, `***` in URLs, only the names of providers and MCP servers.',
    },
    origin: {
      ...text,
      description: 'Where the value came from: `--port`, `CODEBUDDY_PORT`, `config.json port` or `default`.',
    },
    about: { ...text, description: 'What it sets.' },
    flag: { ...nullableText, description: 'The flag of `codebuddy serve` that sets it.' },
    variable: { ...nullableText, description: 'The environment variable that sets it.' },
    field: { ...nullableText, description: 'The field of config.json that sets it.' },
  },
  required: ['name', 'value', 'origin', 'about', 'flag', 'variable', 'field'],
  additionalProperties: false,
} as const;

export type Setting = SchemaType<typeof settingSchema>;
