// The tools of a prompt's caller: their declaration, a call that waits for the caller, and its result.

import { nullableTime, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** A tool that the caller of a prompt offers to the agent, and runs itself. */
export const callerToolSchema = {
  type: 'object',
  title: 'CallerTool',
  properties: {
    name: {
      type: 'string',
      pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$',
      description: 'Not the name of a tool of the server, and not that of another tool of the prompt.',
    },
    description: { type: 'string', minLength: 1, maxLength: 4096, description: 'Read by the model.' },
    schema: {
      type: 'object',
      additionalProperties: true,
      description: 'The JSON Schema (2020-12) of the parameters. Its type is `object`. 64 KiB at most.',
    },
  },
  required: ['name', 'description', 'schema'],
  additionalProperties: false,
} as const;

export type CallerTool = SchemaType<typeof callerToolSchema>;

export const toolCallSchema = {
  type: 'object',
  title: 'ToolCall',
  description: "A call of a caller's tool that waits, or waited, for its result.",
  properties: {
    id: text,
    runId: text,
    sessionId: text,
    callId: {
      type: 'string',
      description: 'The call in the log: `tool.start` and `tool.complete` or `tool.error` have the same id.',
    },
    tool: text,
    params: { type: 'object', additionalProperties: true, description: 'Valid for the schema of the tool.' },
    status: { type: 'string', enum: ['pending', 'answered'] },
    createdAt: time,
    expiresAt: {
      ...nullableTime,
      description: 'Without a result, the call fails at this time, and the run continues. Null: never.',
    },
  },
  required: ['id', 'runId', 'sessionId', 'callId', 'tool', 'params', 'status', 'createdAt', 'expiresAt'],
  additionalProperties: false,
} as const;

export type ToolCall = SchemaType<typeof toolCallSchema>;

/** The body of `POST /api/tool-calls/{id}`. */
export const toolCallResultSchema = {
  type: 'object',
  title: 'ToolCallResult',
  description: 'Either `result` or `error`.',
  properties: {
    result: { description: 'Any JSON value. The model reads it.' },
    error: {
      type: 'string',
      minLength: 1,
      maxLength: 20_000,
      description: 'Why the call failed. The model reads it.',
    },
  },
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
} as const;

export type ToolCallResult = SchemaType<typeof toolCallResultSchema>;
