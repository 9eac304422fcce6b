// A question of the agent to a person, asked with the tool `ask_user`, and the answer.

import { flag, nullableTime, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const questionSchema = {
  type: 'object',
  title: 'Question',
  description: 'A question of the agent that waits, or waited, for an answer.',
  properties: {
    id: text,
    runId: text,
    sessionId: text,
    callId: {
      type: 'string',
      description: 'The call of `ask_user`: `tool.start` has the same id.',
    },
    question: text,
    choices: { type: 'array', items: text, description: 'Suggested answers. Empty: any text.' },
    allowsText: { ...flag, description: 'Whether an answer may be a text that is not one of the choices.' },
    status: { type: 'string', enum: ['pending', 'answered'] },
    answer: { type: 'string', description: 'Absent while the question is pending.' },
    createdAt: time,
    expiresAt: {
      ...nullableTime,
      description: 'Without an answer, the agent continues without it at this time. Null: it waits for ever.',
    },
  },
  required: [
    'id',
    'runId',
    'sessionId',
    'callId',
    'question',
    'choices',
    'allowsText',
    'status',
    'createdAt',
    'expiresAt',
  ],
  additionalProperties: false,
} as const;

export type Question = SchemaType<typeof questionSchema>;

/** The body of `POST /api/questions/{id}`. */
export const questionAnswerSchema = {
  type: 'object',
  title: 'QuestionAnswer',
  properties: {
    answer: {
      type: 'string',
      minLength: 1,
      maxLength: 20_000,
      description: 'One of the choices, or a text if the question allows it.',
    },
  },
  required: ['answer'],
  additionalProperties: false,
} as const;

export type QuestionAnswer = SchemaType<typeof questionAnswerSchema>;
