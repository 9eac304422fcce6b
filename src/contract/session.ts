// A session: a conversation, that is, the messages and runs that belong together.

import { agentNameSchema } from './agent-names.ts';
import { type Message, messageSchema } from './message.ts';
import { planEntrySchema } from './plan.ts';
import { count, nullableText, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { usageSchema } from './usage.ts';
import { sessionWorktreeSchema, workspaceInputProperties } from './workspace.ts';

/** `running`: one of its runs has not ended. */
export const sessionStatuses = ['idle', 'running'] as const;

/** The API through which a conversation came in. */
export const sessionOrigins = ['rest', 'openai', 'mcp', 'trigger'] as const;
export type SessionOrigin = (typeof sessionOrigins)[number];

export const sessionSchema = {
  type: 'object',
  title: 'Session',
  description: 'A conversation: messages and runs that belong together.',
  properties: {
    id: text,
    title: text,
    status: { type: 'string', enum: sessionStatuses },
    agent: { ...text, description: 'The agent that answers its prompts. It never changes.' },
    model: nullableText,
    workspace: { ...text, description: 'The folder that its tools work in. It never changes.' },
    worktree: {
      ...sessionWorktreeSchema,
      description: 'The git worktree that it has of its own. Absent if it has none.',
    },
    messageCount: count,
    metadata: { type: 'object', additionalProperties: true },
    archived: {
      type: 'boolean',
      description:
        'Lists leave it out unless they ask for it. A prompt to an archived session unarchives it.',
    },
    origin: {
      type: 'string',
      enum: sessionOrigins,
      description:
        'How the conversation came in: `rest` (the API, the command line, the dashboard), `openai` (the routes below `/v1`), `mcp` (the MCP server) or `trigger`. A fork has the origin of its session.',
    },
    forkedFrom: {
      type: ['object', 'null'],
      description:
        'The session that this one is a copy of, and the last message that was copied. Null if it is not a copy.',
      properties: { sessionId: text, messageId: text },
      required: ['sessionId', 'messageId'],
      additionalProperties: false,
    },
    plan: {
      type: 'array',
      items: planEntrySchema,
      description: 'The latest plan of the agent. Absent if it has made none.',
    },
    usage: { ...usageSchema, description: 'Tokens of all runs.' },
    cost: { type: 'number', description: 'US dollars of all runs. Models without a known price count as 0.' },
    createdAt: time,
    updatedAt: time,
  },
  required: [
    'id',
    'title',
    'status',
    'agent',
    'model',
    'workspace',
    'messageCount',
    'metadata',
    'archived',
    'origin',
    'forkedFrom',
    'usage',
    'cost',
    'createdAt',
    'updatedAt',
  ],
  additionalProperties: false,
} as const;

export type Session = SchemaType<typeof sessionSchema>;

/** A message of a conversation that began elsewhere. */
export type HistoryMessage = Pick<Message, 'role' | 'content' | 'tool'>;

/** Which sessions a list has. */
export interface SessionFilter {
  /** A part of the title, in upper or lower case. */
  readonly title?: string;
  /** The id of the session that they are copies of. */
  readonly forkedFrom?: string;
  readonly origin?: SessionOrigin;
  /** The name of the agent that answers. */
  readonly agent?: string;
  /** The real path of the folder that it works in. */
  readonly workspace?: string;
  /** @default both */
  readonly archived?: boolean;
}

/** An id that a caller chooses: safe in URLs, file names and shells. Not one that looks like ours. */
export const chosenIdSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  pattern: '^(?!ses_)[A-Za-z0-9][A-Za-z0-9._-]*$',
  description:
    'An id of your own: letters, digits, `.`, `_` and `-`, beginning with a letter or digit. `ses_` is reserved for ids that the server creates.',
} as const;

const sessionInputProperties = {
  title: { type: 'string', minLength: 1, maxLength: 200 },
  metadata: {
    type: 'object',
    maxProperties: 100,
    additionalProperties: true,
    description: 'At most 64 KiB as JSON, after the change.',
  },
} as const;

/** The body of `POST /api/sessions`. */
export const sessionInputSchema = {
  type: 'object',
  properties: {
    id: {
      ...chosenIdSchema,
      description: `${chosenIdSchema.description} An id in use is refused (409). Default: a new id.`,
    },
    ...sessionInputProperties,
    agent: {
      ...agentNameSchema,
      description:
        'The agent that answers its prompts, of `GET /api/agents`. It cannot be changed later. Default: the agent of the server.',
    },
    ...workspaceInputProperties,
  },
  additionalProperties: false,
} as const;

export type SessionInput = SchemaType<typeof sessionInputSchema>;

/** The body of `PATCH /api/sessions/{id}`: fields that are left out stay as they are. */
export const sessionPatchSchema = {
  type: 'object',
  properties: {
    ...sessionInputProperties,
    archived: {
      type: 'boolean',
      description: 'Whether lists leave the session out. It stays complete, and searches find its messages.',
    },
  },
  minProperties: 1,
  additionalProperties: false,
} as const;

export type SessionPatch = SchemaType<typeof sessionPatchSchema>;

/** The body of `POST /api/sessions/{id}/fork`. */
export const sessionForkSchema = {
  type: 'object',
  properties: {
    messageId: {
      type: 'string',
      maxLength: 128,
      description: 'The last message to copy; default: all messages.',
    },
    title: { ...sessionInputProperties.title, description: 'Default: the title of the session.' },
  },
  additionalProperties: false,
} as const;

export type SessionFork = SchemaType<typeof sessionForkSchema>;

/** The body of `POST /api/sessions/{id}/mcp-servers`. */
export const sessionServersSchema = {
  type: 'object',
  properties: {
    mcpServers: {
      type: 'object',
      maxProperties: 32,
      additionalProperties: { type: 'object', additionalProperties: true },
      description:
        'By name, as `mcpServers` in config.json: `{"command": …}` or `{"url": …}`. Variables are not replaced. Empty: none.',
    },
  },
  required: ['mcpServers'],
  additionalProperties: false,
} as const;

export type SessionServersInput = SchemaType<typeof sessionServersSchema>;

export const exportFormats = ['json', 'markdown'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const exportedSessionSchema = {
  type: 'object',
  title: 'ExportedSession',
  properties: {
    session: sessionSchema,
    messages: { type: 'array', items: messageSchema },
    exportedAt: time,
    version: text,
  },
  required: ['session', 'messages', 'exportedAt', 'version'],
  additionalProperties: false,
} as const;
