// Messages besides prompts: one to a working run (steer), and one to a session without a run.

import { count, text } from './primitives.ts';
import { maxPromptLength } from './prompt-options.ts';
import type { SchemaType } from './schema-type.ts';

const messageText = {
  type: 'string',
  minLength: 1,
  maxLength: maxPromptLength,
  description: 'The message. It must not be blank.',
} as const;

/** The body of `POST /api/runs/{id}/steer`. */
export const steerInputSchema = {
  type: 'object',
  title: 'SteerInput',
  properties: {
    text: messageText,
    expectedStep: {
      type: 'integer',
      minimum: 0,
      description:
        'The `step` of the run that the message was written for; 0 if the run has not begun. If the run is at another one, the message is refused.',
    },
  },
  required: ['text'],
  additionalProperties: false,
} as const;

export type SteerInput = SchemaType<typeof steerInputSchema>;

/** The answer of `POST /api/runs/{id}/steer`. */
export const steeredSchema = {
  type: 'object',
  title: 'Steered',
  description: 'A message that a run sees before its next step.',
  properties: {
    messageId: text,
    runId: text,
    sessionId: text,
    step: { ...count, description: 'The step of the run when the message came in; 0 before it has begun.' },
  },
  required: ['messageId', 'runId', 'sessionId', 'step'],
  additionalProperties: false,
} as const;

export type Steered = SchemaType<typeof steeredSchema>;

/** The body of `POST /api/sessions/{id}/messages`. */
export const messageInputSchema = {
  type: 'object',
  title: 'MessageInput',
  properties: { text: messageText },
  required: ['text'],
  additionalProperties: false,
} as const;

export type MessageInput = SchemaType<typeof messageInputSchema>;
