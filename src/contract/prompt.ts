// A prompt: its text and options, and the answers of `POST /api/prompt`.

import { agentNameSchema } from './agent.ts';
import { maxAnswerTimeMs, unansweredActions } from './inbox.ts';
import { outputFormatSchema } from './output-format.ts';
import { maxParts, partInputSchema } from './part.ts';
import { permissionSchema } from './permission.ts';
import { permissionModes } from './permission-mode.ts';
import { text } from './primitives.ts';
import { promptResultSchema } from './prompt-result.ts';
import { questionSchema } from './question.ts';
import { runSchema } from './run.ts';
import type { SchemaType } from './schema-type.ts';
import { callerToolSchema, toolCallSchema } from './tool-call.ts';
import { runWebhookSchema } from './webhook-input.ts';
import { workspaceInputProperties } from './workspace.ts';

/** In characters. Applies regardless of `maxRequestSize`: a prompt is stored, logged and sent to webhooks. */
export const maxPromptLength = 1_048_576;

export const promptOptionsSchema = {
  type: 'object',
  properties: {
    agent: {
      ...agentNameSchema,
      description:
        'The agent that answers, of `GET /api/agents`. Default: that of the session; for a new session, that of the server.',
    },
    workspace: {
      ...workspaceInputProperties.workspace,
      description: `For a new session: ${workspaceInputProperties.workspace.description}`,
    },
    worktree: {
      ...workspaceInputProperties.worktree,
      description: `For a new session: ${workspaceInputProperties.worktree.description}`,
    },
    model: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description:
        'A model of the agent. Default: the model of the server, or the own choice of another agent.',
    },
    maxSteps: { type: 'integer', minimum: 1, maximum: 1000, description: 'Maximum number of model calls.' },
    permissionMode: {
      type: 'string',
      enum: permissionModes,
      description:
        'Default: the mode of the server. A more permissive one needs a key with the scope `tools`.',
    },
    timeoutMs: {
      type: 'integer',
      minimum: 1,
      maximum: 86_400_000,
      description:
        'Milliseconds that the run may take. Time spent waiting for a permission or an answer does not count.',
    },
    permissionTimeoutMs: {
      type: ['integer', 'null'],
      minimum: 1,
      maximum: maxAnswerTimeMs,
      description:
        'Milliseconds that the run waits for a permission, an answer or the result of a tool of the caller. Null: for ever. Default: that of the server.',
    },
    onUnanswered: {
      type: 'string',
      enum: unansweredActions,
      description:
        'If nobody answers a permission or a question in time: `deny` it and continue, or `fail` the run. Default: that of the server.',
    },
    system: { type: 'string', maxLength: maxPromptLength, description: 'Added to the system prompt.' },
    maxTokens: { type: 'integer', minimum: 1, description: 'Input and output tokens of the run, at most.' },
    format: outputFormatSchema,
    maxCost: { type: 'number', exclusiveMinimum: 0, description: 'Maximum cost of the run in US dollars.' },
  },
  additionalProperties: false,
} as const;

export type PromptOptions = SchemaType<typeof promptOptionsSchema>;

/** The body of `POST /api/prompt`. */
export const promptRequestSchema = {
  type: 'object',
  title: 'PromptRequest',
  properties: {
    prompt: {
      type: 'string',
      minLength: 1,
      maxLength: maxPromptLength,
      description: 'The task for the agent. It must not be blank.',
    },
    sessionId: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description: 'The session to continue; default: a new one.',
    },
    parts: {
      type: 'array',
      maxItems: maxParts,
      items: partInputSchema,
      description: 'Texts, images and files that follow the prompt.',
    },
    createSession: {
      type: 'boolean',
      description:
        'Create the session if there is none with `sessionId`, which may then be an id of your own, as in `POST /api/sessions`. Default: false.',
    },
    options: promptOptionsSchema,
    tools: {
      type: 'array',
      maxItems: 64,
      items: callerToolSchema,
      description:
        'Tools of the caller, for this prompt. A call of one is the event `tool.request`; answer it with `POST /api/tool-calls/{id}`.',
    },
    webhook: runWebhookSchema,
  },
  required: ['prompt'],
  additionalProperties: false,
} as const;

export type PromptRequest = SchemaType<typeof promptRequestSchema>;

/** The answer of `POST /api/prompt` once the run has completed. `status` distinguishes its answers. */
export const completedPromptSchema = {
  ...promptResultSchema,
  properties: { status: { type: 'string', enum: ['completed'] }, ...promptResultSchema.properties },
  required: ['status', ...promptResultSchema.required],
} as const;

export type CompletedPrompt = SchemaType<typeof completedPromptSchema>;

/** The answer to a client that does not wait for the run. */
export const queuedRunSchema = {
  ...runSchema,
  title: 'QueuedRun',
  description: 'A queued run.',
  properties: { ...runSchema.properties, status: { type: 'string', enum: ['queued'] } },
} as const;

/** The answer if the run waits for a permission, an answer or a tool of the caller. */
export const waitingRunSchema = {
  type: 'object',
  title: 'WaitingRun',
  description:
    'A run that waits for a permission, an answer to a question, or the result of a tool of the caller.',
  properties: {
    runId: text,
    sessionId: text,
    status: { type: 'string', enum: ['waiting'] },
    permission: permissionSchema,
    question: questionSchema,
    toolCall: toolCallSchema,
  },
  required: ['runId', 'sessionId', 'status'],
  additionalProperties: false,
} as const;

export type WaitingRun = SchemaType<typeof waitingRunSchema>;
