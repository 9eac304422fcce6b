// A call of a trigger, as the list of calls shows it, and what a dry test says.

import { count, flag, nullableText, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { triggerOutcomes } from './trigger-outcome.ts';

const outcome = { type: 'string', enum: triggerOutcomes } as const;
const eventOfCall = {
  ...nullableText,
  description: 'The event that the sender names, such as `pull_request.opened`. Null if it is not known.',
} as const;

export const triggerCallSchema = {
  type: 'object',
  title: 'TriggerCall',
  description: 'A call of a trigger and its outcome.',
  properties: {
    id: text,
    triggerId: text,
    receivedAt: time,
    outcome,
    code: {
      ...nullableText,
      description: 'The error code of a refused call, as the sender got it. Null for other outcomes.',
    },
    reason: { ...nullableText, description: 'Why the call was ignored or refused. Null for other outcomes.' },
    event: eventOfCall,
    actor: { ...nullableText, description: 'The account that caused the event. Null if it is not known.' },
    deliveryId: {
      ...nullableText,
      description: 'The id that the sender gave to the call. For a schedule, the time that was due.',
    },
    runId: {
      ...nullableText,
      description: 'The run that the call started. For a duplicate, the run of the first call.',
    },
    sessionId: nullableText,
    replacedRunId: {
      ...nullableText,
      description: 'The queued run that this call replaced, because it has the same coalescing key.',
    },
    hop: { ...count, description: 'How many webhook requests of this server led to the call.' },
    bytes: { ...count, description: 'The size of the body.' },
  },
  required: [
    'id',
    'triggerId',
    'receivedAt',
    'outcome',
    'code',
    'reason',
    'event',
    'actor',
    'deliveryId',
    'runId',
    'sessionId',
    'replacedRunId',
    'hop',
    'bytes',
  ],
  additionalProperties: false,
} as const;

export type TriggerCall = SchemaType<typeof triggerCallSchema>;

/** The answer to a call. */
export const triggerAnswerSchema = {
  type: 'object',
  title: 'TriggerAnswer',
  properties: {
    outcome,
    reason: { type: 'string', description: 'Why the call was ignored.' },
    runId: { type: 'string', description: 'The run. A repeated call gets that of the first.' },
    sessionId: text,
    challenge: { type: 'string', description: 'The answer to the URL verification of Slack.' },
  },
  additionalProperties: false,
} as const;

export type TriggerAnswer = SchemaType<typeof triggerAnswerSchema>;

/** The body of `POST /api/triggers/{id}/test`. */
export const triggerTestSchema = {
  type: 'object',
  title: 'TriggerTest',
  properties: {
    payload: {
      description:
        'The body that the sender would send: an object, or its text. Left out for a schedule and for an empty body.',
    },
    event: {
      type: 'string',
      maxLength: 200,
      description: 'The event, if GitHub names it in a header: short for `X-GitHub-Event`.',
    },
    headers: {
      type: 'object',
      additionalProperties: text,
      description:
        'Headers of the request, such as `X-GitHub-Event`. The signature is checked only if it is among them.',
    },
  },
  additionalProperties: false,
} as const;

export type TriggerTest = SchemaType<typeof triggerTestSchema>;

/** What a call would do. Nothing is started or logged. */
export const triggerTestResultSchema = {
  type: 'object',
  title: 'TriggerTestResult',
  properties: {
    outcome,
    code: nullableText,
    reason: nullableText,
    event: eventOfCall,
    signatureChecked: { ...flag, description: 'Whether the test had a signature, which was right.' },
    identities: {
      type: 'array',
      items: text,
      description: 'What a repetition of the call is recognized by.',
    },
    sessionKey: nullableText,
    coalesceKey: nullableText,
    permissionMode: nullableText,
    prompt: { ...nullableText, description: 'The prompt of the run. Null if no run would be started.' },
  },
  required: [
    'outcome',
    'code',
    'reason',
    'event',
    'signatureChecked',
    'identities',
    'sessionKey',
    'coalesceKey',
    'permissionMode',
    'prompt',
  ],
  additionalProperties: false,
} as const;

export type TriggerTestResult = SchemaType<typeof triggerTestResultSchema>;
