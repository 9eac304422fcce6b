// JSON Schemas of what the API answers, each written once: serialization, /openapi.json, the docs page and the client's
// types come from them. `$id`-less constants, composed by value.

import { eventTypes } from '../events/catalogue.ts';

const text = { type: 'string' } as const;
const nullableText = { type: ['string', 'null'] } as const;
const nullableNumber = { type: ['number', 'null'] } as const;

/** RFC 3339 UTC with milliseconds. */
export const timeSchema = { type: 'string', format: 'date-time' } as const;

export const scopeSchema = {
  type: 'string',
  enum: ['read', 'prompt', 'tools', 'admin'],
  description: 'What a key may do. A scope includes no other.',
} as const;

export const usageSchema = {
  type: ['object', 'null'],
  description: 'Tokens used, or null if the model does not say.',
  properties: {
    inputTokens: { type: 'integer' },
    outputTokens: { type: 'integer' },
    totalTokens: { type: 'integer' },
  },
  required: ['inputTokens', 'outputTokens', 'totalTokens'],
  additionalProperties: false,
} as const;

export const runStatusSchema = {
  type: 'string',
  enum: ['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
} as const;

export const runSchema = {
  type: 'object',
  title: 'Run',
  description: 'The work on one prompt.',
  properties: {
    id: text,
    sessionId: text,
    status: runStatusSchema,
    prompt: text,
    model: nullableText,
    response: nullableText,
    usage: usageSchema,
    cost: { ...nullableNumber, description: 'In US dollars.' },
    finishReason: nullableText,
    error: {
      type: ['object', 'null'],
      properties: { code: text, message: text },
      required: ['code', 'message'],
      additionalProperties: false,
    },
    createdAt: timeSchema,
    startedAt: { type: ['string', 'null'], format: 'date-time' },
    endedAt: { type: ['string', 'null'], format: 'date-time' },
  },
  required: [
    'id',
    'sessionId',
    'status',
    'prompt',
    'model',
    'response',
    'usage',
    'cost',
    'finishReason',
    'error',
    'createdAt',
    'startedAt',
    'endedAt',
  ],
  additionalProperties: false,
} as const;

export const permissionSchema = {
  type: 'object',
  title: 'Permission',
  description: 'A tool that waits for a person, or did.',
  properties: {
    id: text,
    runId: text,
    sessionId: text,
    tool: text,
    params: { type: 'object', additionalProperties: true },
    rule: { type: 'string', description: 'What `allow_always` would allow in this session from now on.' },
    alwaysCovers: { type: 'string', description: 'What `allow_always` would allow, in words.' },
    realPath: {
      type: 'string',
      description:
        'Of a file tool: the file that the path leads to through all links, relative to the workspace.',
    },
    reason: text,
    sandbox: {
      enum: ['bubblewrap', 'none', null],
      description: 'How a command will run if it is allowed; null for tools that run none.',
    },
    status: { type: 'string', enum: ['pending', 'allowed', 'denied'] },
    createdAt: timeSchema,
    expiresAt: { ...timeSchema, description: 'Without an answer it is denied then.' },
  },
  required: [
    'id',
    'runId',
    'sessionId',
    'tool',
    'params',
    'rule',
    'reason',
    'status',
    'createdAt',
    'expiresAt',
  ],
  additionalProperties: false,
} as const;

export const waitingRunSchema = {
  type: 'object',
  title: 'WaitingRun',
  description: 'A run that waits for a person; it goes on when the permission is decided.',
  properties: {
    runId: text,
    sessionId: text,
    status: { type: 'string', enum: ['waiting'] },
    permission: permissionSchema,
  },
  required: ['runId', 'sessionId', 'status', 'permission'],
  additionalProperties: false,
} as const;

/** A run as it is answered when the client does not wait for it. */
export const queuedRunSchema = {
  ...runSchema,
  title: 'QueuedRun',
  description: 'A run that will be worked on.',
  properties: { ...runSchema.properties, status: { type: 'string', enum: ['queued'] } },
} as const;

export const promptResultSchema = {
  type: 'object',
  title: 'PromptResult',
  description: 'The answer to a prompt.',
  properties: {
    status: { type: 'string', enum: ['completed'] },
    response: text,
    sessionId: text,
    runId: text,
    model: nullableText,
    usage: usageSchema,
    cost: { ...nullableNumber, description: 'In US dollars.' },
    finishReason: text,
  },
  required: ['status', 'response', 'sessionId', 'runId', 'model', 'usage', 'cost', 'finishReason'],
} as const;

export const sessionSchema = {
  type: 'object',
  title: 'Session',
  description: 'A conversation: messages and runs that belong together.',
  properties: {
    id: text,
    title: text,
    status: { type: 'string', enum: ['idle', 'running'] },
    model: nullableText,
    messageCount: { type: 'integer', minimum: 0 },
    metadata: { type: 'object', additionalProperties: true },
    forkedFrom: {
      type: ['object', 'null'],
      description: 'The session that this one is a copy of, and its last message that was copied.',
      properties: { sessionId: text, messageId: text },
      required: ['sessionId', 'messageId'],
      additionalProperties: false,
    },
    usage: usageSchema,
    cost: { type: 'number', description: 'In US dollars, of what has a price.' },
    createdAt: timeSchema,
    updatedAt: timeSchema,
  },
  required: [
    'id',
    'title',
    'status',
    'model',
    'messageCount',
    'metadata',
    'forkedFrom',
    'usage',
    'cost',
    'createdAt',
    'updatedAt',
  ],
  additionalProperties: false,
} as const;

export const messageSchema = {
  type: 'object',
  title: 'Message',
  description: 'What the user said, what the agent answered, or what a tool gave back.',
  properties: {
    id: text,
    sessionId: text,
    runId: nullableText,
    role: { type: 'string', enum: ['user', 'assistant', 'tool'] },
    content: text,
    tool: {
      type: 'object',
      description: 'On `tool` messages: which tool, with which parameters, and whether it failed.',
      properties: {
        name: text,
        params: {},
        isError: { type: 'boolean' },
        callId: { type: 'string', description: 'As the model calls it.' },
      },
      required: ['name', 'params', 'isError'],
      additionalProperties: false,
    },
    incomplete: {
      type: 'boolean',
      const: true,
      description: 'The answer was cut off here, by a failure or a cancel. Absent otherwise.',
    },
    createdAt: timeSchema,
  },
  required: ['id', 'sessionId', 'runId', 'role', 'content', 'createdAt'],
  additionalProperties: false,
} as const;

export const exportedSessionSchema = {
  type: 'object',
  title: 'ExportedSession',
  properties: {
    session: sessionSchema,
    messages: { type: 'array', items: messageSchema },
    exportedAt: timeSchema,
    version: text,
  },
  required: ['session', 'messages', 'exportedAt', 'version'],
  additionalProperties: false,
} as const;

export const eventSchema = {
  type: 'object',
  title: 'Event',
  description: 'One thing that happened. `data` fits the schema of its type in `GET /api/event-types`.',
  properties: {
    id: text,
    type: { type: 'string', enum: eventTypes },
    event: { type: 'string', description: 'Repeats `type`.' },
    timestamp: timeSchema,
    sessionId: text,
    runId: text,
    sequence: { type: 'integer', minimum: 1, description: 'Place in the log; resume a stream after it.' },
    data: { type: 'object', additionalProperties: true },
  },
  required: ['id', 'type', 'event', 'timestamp', 'sequence', 'data'],
  additionalProperties: false,
} as const;

export const toolSchema = {
  type: 'object',
  title: 'Tool',
  properties: {
    name: text,
    description: text,
    inputSchema: {
      type: 'object',
      additionalProperties: true,
      description: 'JSON Schema of the parameters.',
    },
    readOnly: { type: 'boolean', description: 'True if the tool changes nothing.' },
  },
  required: ['name', 'description', 'inputSchema', 'readOnly'],
} as const;

export const apiKeySchema = {
  type: 'object',
  title: 'ApiKey',
  properties: { id: text, name: text, scopes: { type: 'array', items: scopeSchema }, createdAt: timeSchema },
  required: ['id', 'name', 'scopes', 'createdAt'],
  additionalProperties: false,
} as const;

/** RFC 9457, with our `code`, `requestId`, `errors`, and `error` for clients of the first version of this API. */
export const problemSchema = {
  type: 'object',
  title: 'Problem',
  description: 'An error (RFC 9457).',
  properties: {
    type: { type: 'string', description: 'A URI reference that names the kind of problem.' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    code: { type: 'string', description: 'Stable, machine-readable.' },
    requestId: text,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          in: { type: 'string', enum: ['body', 'query', 'path', 'header'] },
          pointer: { type: 'string', description: 'RFC 6901 JSON Pointer.' },
          message: text,
        },
        required: ['in', 'pointer', 'message'],
      },
    },
    error: { type: 'string', description: 'Repeats `detail`.' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId', 'error'],
} as const;

/** Query parameters of every list. */
export const pageQueryProperties = {
  limit: {
    type: 'integer',
    minimum: 1,
    maximum: 200,
    default: 50,
    description: 'How many, at most. A page with more than 4 MiB of text has fewer.',
  },
  cursor: {
    type: 'string',
    minLength: 1,
    maxLength: 512,
    description: '`nextCursor` of the page before; opaque.',
  },
} as const;

/** `{[name]: items, nextCursor}`; `nextCursor` is null on the last page. */
export function pageSchema<const Name extends string, const Item>(name: Name, item: Item) {
  return {
    type: 'object',
    properties: {
      [name]: { type: 'array', items: item },
      nextCursor: { type: ['string', 'null'], description: 'Null on the last page.' },
    } as { readonly [K in Name]: { readonly type: 'array'; readonly items: Item } } & {
      readonly nextCursor: { readonly type: readonly ['string', 'null'] };
    },
    required: [name, 'nextCursor'],
    additionalProperties: false,
  } as const;
}

/** Path parameters of a route with one `:id`. */
export const idParamsSchema = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, maxLength: 128 } },
  required: ['id'],
  additionalProperties: false,
} as const;
