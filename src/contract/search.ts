// Full-text search over messages: what it finds, and where.

import { messageRoles } from './message.ts';
import { flag, nullableText, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const offset = { type: 'integer', minimum: 0 } as const;

export const searchHitSchema = {
  type: 'object',
  title: 'SearchHit',
  description: 'A message that a search found.',
  properties: {
    session: {
      type: 'object',
      description: 'The session of the message.',
      properties: { id: text, title: text, archived: flag },
      required: ['id', 'title', 'archived'],
      additionalProperties: false,
    },
    message: {
      type: 'object',
      description: 'The message without its content.',
      properties: {
        id: text,
        runId: nullableText,
        role: { type: 'string', enum: messageRoles },
        tool: { type: 'string', description: 'Only on `tool` messages: the name of the tool.' },
        createdAt: time,
      },
      required: ['id', 'runId', 'role', 'createdAt'],
      additionalProperties: false,
    },
    snippet: {
      type: 'object',
      description: 'The part of the message around the first place that was found, as plain text.',
      properties: {
        text: {
          type: 'string',
          description: 'Begins or ends with `…` where it was cut. White space is one space.',
        },
        marks: {
          type: 'array',
          description: 'What was found in `text`, in order.',
          items: {
            type: 'object',
            description: 'From `start` up to, but not including, `end`, in UTF-16 code units.',
            properties: { start: offset, end: offset },
            required: ['start', 'end'],
            additionalProperties: false,
          },
        },
      },
      required: ['text', 'marks'],
      additionalProperties: false,
    },
  },
  required: ['session', 'message', 'snippet'],
  additionalProperties: false,
} as const;

export type SearchHit = SchemaType<typeof searchHitSchema>;

/** Whether archived sessions are included: `false` leaves them out, `true` has nothing else. */
export const archivedFilters = ['false', 'true', 'all'] as const;
export type ArchivedFilter = (typeof archivedFilters)[number];

/** What is searched. */
export interface MessageQuery {
  readonly text: string;
  readonly sessionId?: string;
  readonly role?: (typeof messageRoles)[number];
  /** Of the session. @default both */
  readonly archived?: boolean;
}
