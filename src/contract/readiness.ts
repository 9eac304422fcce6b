// Readiness: whether each part of the server is ready to work, for `GET /health/ready`.

import { flag, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const readinessPartSchema = {
  type: 'object',
  properties: {
    name: text,
    ready: flag,
    detail: { type: 'string', description: 'One line for people.' },
  },
  required: ['name', 'ready', 'detail'],
  additionalProperties: false,
} as const;

export type ReadinessPart = SchemaType<typeof readinessPartSchema>;

export const readinessSchema = {
  type: 'object',
  title: 'Readiness',
  properties: {
    status: { type: 'string', enum: ['ready', 'not_ready'] },
    parts: { type: 'array', items: readinessPartSchema },
  },
  required: ['status', 'parts'],
  additionalProperties: false,
} as const;
