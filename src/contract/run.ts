// A run: the work on one prompt, from `queued` to its end.

import { partsSchema } from './part.ts';
import { nullableCost, nullableText, nullableTime, text, time } from './primitives.ts';
import { outputData } from './prompt-result.ts';
import type { SchemaType } from './schema-type.ts';
import { nullableUsageSchema } from './usage.ts';

/** `waiting`: for a permission, an answer, or a tool of the caller. */
export const unfinishedRunStatuses = ['queued', 'running', 'waiting'] as const;
export type UnfinishedRunStatus = (typeof unfinishedRunStatuses)[number];

/** `interrupted`: the server stopped before the run had ended; the run can be resumed. */
export const runEndings = ['completed', 'failed', 'cancelled', 'interrupted'] as const;
export type RunEnding = (typeof runEndings)[number];

export const runStatuses = [...unfinishedRunStatuses, ...runEndings] as const;
export type RunStatus = (typeof runStatuses)[number];

export const runStatusSchema = { type: 'string', enum: runStatuses } as const;

export const runSchema = {
  type: 'object',
  title: 'Run',
  description: 'The work on one prompt.',
  properties: {
    id: text,
    sessionId: text,
    status: runStatusSchema,
    prompt: text,
    parts: { ...partsSchema, description: 'The parts of the prompt. Absent without any.' },
    model: nullableText,
    response: nullableText,
    data: outputData,
    outputRetries: {
      type: ['integer', 'null'],
      description:
        'How often the agent was asked again because its answer did not match `options.format`. Null without a format.',
    },
    usage: nullableUsageSchema,
    cost: nullableCost,
    finishReason: nullableText,
    step: {
      type: ['integer', 'null'],
      description:
        'The step that the run works on, from 1: a call of the model, or a command of the offline agent. Null before it has begun, and for other agents.',
    },
    error: {
      type: ['object', 'null'],
      properties: { code: text, message: text },
      required: ['code', 'message'],
      additionalProperties: false,
    },
    createdAt: time,
    startedAt: nullableTime,
    endedAt: nullableTime,
  },
  required: [
    'id',
    'sessionId',
    'status',
    'prompt',
    'model',
    'response',
    'outputRetries',
    'usage',
    'cost',
    'finishReason',
    'step',
    'error',
    'createdAt',
    'startedAt',
    'endedAt',
  ],
  additionalProperties: false,
} as const;

export type Run = SchemaType<typeof runSchema>;

/** The number of unfinished runs by status. */
export type RunStateCounts = Readonly<Record<UnfinishedRunStatus, number>>;
