// The catalogue: each event type's name, meaning and JSON Schema. TypeScript types, validation, `GET /api/event-types` and
// the docs are all derived from here; nothing is written twice.

import type { JSONSchema } from 'json-schema-to-ts';
import type { SchemaType } from './schema-type.ts';

const text = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const usage = {
  type: ['object', 'null'],
  properties: { inputTokens: count, outputTokens: count, totalTokens: count },
  required: ['inputTokens', 'outputTokens', 'totalTokens'],
  additionalProperties: false,
} as const;
const webhook = { webhookId: text, name: text } as const;
const fileChange = {
  type: 'object',
  properties: {
    /** Relative to the workspace, with `/`. */
    path: text,
    bytes: count,
    tool: text,
    callId: text,
  },
  required: ['path'],
  additionalProperties: false,
} as const;

export const catalogue = {
  'session.start': {
    description: 'A session was created.',
    data: { type: 'object', properties: { title: text }, required: ['title'], additionalProperties: false },
  },
  'session.end': {
    description: 'A session was deleted.',
    data: { type: 'object', properties: { reason: text }, required: ['reason'], additionalProperties: false },
  },
  'message.user': {
    description: 'A prompt was accepted.',
    data: {
      type: 'object',
      properties: { messageId: text, text },
      required: ['messageId', 'text'],
      additionalProperties: false,
    },
  },
  'message.assistant': {
    description: 'The agent answered. With `incomplete`, a failure or a cancel cut the answer off.',
    data: {
      type: 'object',
      properties: {
        messageId: text,
        text,
        model: { type: ['string', 'null'] },
        incomplete: { type: 'boolean', const: true },
      },
      required: ['messageId', 'text', 'model'],
      additionalProperties: false,
    },
  },
  'tool.start': {
    description: 'A tool began to run.',
    data: {
      type: 'object',
      properties: { callId: text, tool: text, params: { type: 'object' } },
      required: ['callId', 'tool', 'params'],
      additionalProperties: false,
    },
  },
  'tool.complete': {
    description: 'A tool ended well.',
    data: {
      type: 'object',
      properties: { callId: text, tool: text, result: {}, durationMs: { type: 'number', minimum: 0 } },
      required: ['callId', 'tool', 'result', 'durationMs'],
      additionalProperties: false,
    },
  },
  'tool.error': {
    description: 'A tool failed.',
    data: {
      type: 'object',
      properties: {
        callId: text,
        tool: text,
        code: text,
        message: text,
        durationMs: { type: 'number', minimum: 0 },
      },
      required: ['callId', 'tool', 'code', 'message', 'durationMs'],
      additionalProperties: false,
    },
  },
  'file.create': { description: 'A file of the workspace was created.', data: fileChange },
  'file.modify': { description: 'A file of the workspace was changed.', data: fileChange },
  'file.delete': { description: 'A file of the workspace was deleted.', data: fileChange },
  'run.queued': {
    description: 'A run was accepted.',
    data: {
      type: 'object',
      properties: { position: count },
      required: ['position'],
      additionalProperties: false,
    },
  },
  'run.complete': {
    description: 'A run ended with an answer.',
    data: {
      type: 'object',
      properties: {
        response: text,
        model: { type: ['string', 'null'] },
        usage,
        cost: { type: ['number', 'null'] },
        finishReason: text,
        durationMs: { type: 'number', minimum: 0 },
      },
      required: ['response', 'model', 'usage', 'cost', 'finishReason', 'durationMs'],
      additionalProperties: false,
    },
  },
  'run.failed': {
    description: 'A run ended with an error, or was interrupted by a stop of the server.',
    data: {
      type: 'object',
      properties: { code: text, message: text, interrupted: { type: 'boolean' } },
      required: ['code', 'message'],
      additionalProperties: false,
    },
  },
  'run.cancelled': {
    description: 'A run was cancelled.',
    data: { type: 'object', properties: { reason: text }, required: ['reason'], additionalProperties: false },
  },
  error: {
    description: 'A fault that a person should hear of.',
    data: {
      type: 'object',
      properties: { code: text, message: text },
      required: ['code', 'message'],
      additionalProperties: false,
    },
  },
  'cost.threshold': {
    description: 'What a session or a day has cost went over a limit that was set.',
    data: {
      type: 'object',
      properties: {
        /** `session` or `day`. */
        scope: text,
        /** US dollars. */
        threshold: { type: 'number', minimum: 0 },
        cost: { type: 'number', minimum: 0 },
      },
      required: ['threshold', 'cost'],
      additionalProperties: false,
    },
  },
  'permission.request': {
    description: 'A tool waits for a permission.',
    data: {
      type: 'object',
      properties: {
        permissionId: text,
        tool: text,
        params: { type: 'object' },
        reason: text,
        /** What `allow_always` would allow, in words. */
        alwaysCovers: text,
        /** Where the path of a file tool really leads. */
        realPath: text,
        /** How a command will run if it is allowed; absent for tools that run none. */
        sandbox: { enum: ['bubblewrap', 'none'] },
      },
      required: ['permissionId', 'tool', 'params'],
      additionalProperties: false,
    },
  },
  'permission.resolved': {
    description: 'A permission was given or refused.',
    data: {
      type: 'object',
      properties: {
        permissionId: text,
        tool: text,
        decision: { enum: ['allow', 'allow_always', 'deny'] },
        reason: text,
      },
      required: ['permissionId', 'decision'],
      additionalProperties: false,
    },
  },
  'webhook.test': {
    description: 'A webhook is tried out; sent to that one alone.',
    data: {
      type: 'object',
      properties: { ...webhook, message: text },
      required: ['webhookId', 'name', 'message'],
      additionalProperties: false,
    },
  },
  'webhook.failing': {
    description: 'A webhook has had nothing but failures for an hour.',
    data: {
      type: 'object',
      properties: { ...webhook, since: text, failures: count, reason: text },
      required: ['webhookId', 'name', 'since', 'failures', 'reason'],
      additionalProperties: false,
    },
  },
  'webhook.recovered': {
    description: 'A webhook that was failing takes deliveries again.',
    data: {
      type: 'object',
      properties: { ...webhook, since: text, failures: count },
      required: ['webhookId', 'name', 'since', 'failures'],
      additionalProperties: false,
    },
  },
  'webhook.disabled': {
    description: 'A webhook was disabled: by hand, by its receiver, or after five days of failures.',
    data: {
      type: 'object',
      properties: { ...webhook, reason: text, message: text },
      required: ['webhookId', 'name', 'reason', 'message'],
      additionalProperties: false,
    },
  },
} as const satisfies Record<string, { readonly description: string; readonly data: JSONSchema }>;

/** Streamed to live readers only, never logged. */
export const deltas = {
  'message.delta': {
    description: 'A piece of the answer, as it is made.',
    data: { type: 'object', properties: { text }, required: ['text'], additionalProperties: false },
  },
  'tool.output': {
    description: 'A piece of a tool’s output, as it is written.',
    data: {
      type: 'object',
      properties: { callId: text, tool: text, stream: { enum: ['stdout', 'stderr'] }, text },
      required: ['callId', 'tool', 'stream', 'text'],
      additionalProperties: false,
    },
  },
} as const satisfies Record<string, { readonly description: string; readonly data: JSONSchema }>;

export type EventType = keyof typeof catalogue;
export type EventData<T extends EventType> = { [K in T]: SchemaType<(typeof catalogue)[K]['data']> }[T];
/** By type, made once: cheaper for the compiler where the type is a parameter. */
export type EventDataByType = { [T in EventType]: SchemaType<(typeof catalogue)[T]['data']> };
export type DeltaType = keyof typeof deltas;
export type DeltaData<T extends DeltaType> = { [K in T]: SchemaType<(typeof deltas)[K]['data']> }[T];

export const eventTypes = Object.keys(catalogue) as readonly EventType[];

export function isEventType(value: string): value is EventType {
  return Object.hasOwn(catalogue, value);
}
