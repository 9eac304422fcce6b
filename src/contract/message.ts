// A message: a prompt of the user, an answer of the agent, or the output of a tool.

import { partsSchema } from './part.ts';
import { flag, nullableText, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const messageRoles = ['user', 'assistant', 'tool'] as const;
export type MessageRole = (typeof messageRoles)[number];

const toolUseSchema = {
  type: 'object',
  description: 'Only on `tool` messages: which tool ran, with which parameters, and whether it failed.',
  properties: {
    name: text,
    params: {},
    isError: flag,
    callId: { type: 'string', description: 'The id that the model gave the call.' },
    durationMs: {
      type: 'number',
      minimum: 0,
      description: 'How long the tool took, in milliseconds. Absent on older messages.',
    },
  },
  required: ['name', 'params', 'isError'],
  additionalProperties: false,
} as const;

/** How a message of the user came in, other than as the prompt of a run. */
export const messageOrigins = ['steer', 'inject'] as const;
export type MessageOrigin = (typeof messageOrigins)[number];

export const messageOriginSchema = {
  type: 'string',
  enum: messageOrigins,
  description:
    '`steer`: it was sent to the run while it worked. `inject`: it was added to the session without a run, for the next one. Absent for prompts.',
} as const;

export type ToolUse = SchemaType<typeof toolUseSchema>;

export const messageSchema = {
  type: 'object',
  title: 'Message',
  description: 'A prompt of the user, an answer of the agent, or the output of a tool.',
  properties: {
    id: text,
    sessionId: text,
    runId: nullableText,
    role: { type: 'string', enum: messageRoles },
    content: {
      type: 'string',
      description:
        'Text, or the output of the tool. Empty for a step in which the model only reasoned before it called tools.',
    },
    reasoning: {
      type: 'string',
      description:
        "Only on `assistant` messages: the model's reasoning before the text, up to 64 KiB; of a longer one, the beginning and the end. Absent without reasoning.",
    },
    parts: {
      ...partsSchema,
      description: 'The parts of a prompt, or the images that a tool has read. Absent without any.',
    },
    tool: toolUseSchema,
    incomplete: {
      type: 'boolean',
      const: true,
      description: 'The answer was cut off by a failure or a cancellation. Absent otherwise.',
    },
    via: messageOriginSchema,
    createdAt: time,
  },
  required: ['id', 'sessionId', 'runId', 'role', 'content', 'createdAt'],
  additionalProperties: false,
} as const;

export type Message = SchemaType<typeof messageSchema>;
