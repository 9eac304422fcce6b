// The options of a prompt.

import { agentNameSchema } from './agent-names.ts';
import { maxAnswerTimeMs, unansweredActions } from './answer-time.ts';
import { outputFormatSchema } from './output-format.ts';
import { permissionModes } from './permission-mode.ts';
import type { SchemaType } from './schema-type.ts';
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
