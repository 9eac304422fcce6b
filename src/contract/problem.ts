// A problem: an error as clients see it. RFC 9457, with `code`, `requestId` and `errors`, and `error` for clients of
// the first version.

import { text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** The part of the request in which a field is wrong. */
export const fieldErrorPlaces = ['body', 'query', 'path', 'header'] as const;

export const problemSchema = {
  type: 'object',
  title: 'Problem',
  description: 'An error (RFC 9457).',
  properties: {
    type: { type: 'string', description: 'A URI reference that identifies the kind of problem.' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    code: { type: 'string', description: 'Stable and machine-readable.' },
    requestId: text,
    traceId: { type: 'string', description: 'The trace of the request, if it belongs to one.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          in: { type: 'string', enum: fieldErrorPlaces },
          pointer: { type: 'string', description: 'RFC 6901 JSON Pointer.' },
          message: text,
        },
        required: ['in', 'pointer', 'message'],
      },
    },
    response: { type: 'string', description: 'Only with `output_invalid`: the last answer.' },
    error: { type: 'string', description: 'Repeats `detail`.' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId', 'error'],
} as const;

export type Problem = SchemaType<typeof problemSchema>;
