// A prompt, and the answers of `POST /api/prompt`.

import { maxParts, partInputSchema } from './part.ts';
import { permissionSchema } from './permission.ts';
import { text } from './primitives.ts';
import { maxPromptLength, promptOptionsSchema } from './prompt-options.ts';
import { promptResultSchema } from './prompt-result.ts';
import { questionSchema } from './question.ts';
import { runSchema } from './run.ts';
import type { SchemaType } from './schema-type.ts';
import { callerToolSchema, toolCallSchema } from './tool-call.ts';
import { runWebhookSchema } from './webhook-input.ts';

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
