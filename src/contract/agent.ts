// An agent that can answer the prompts of a session: the built-in one, or a program that speaks the Agent Client
// Protocol.

import { permissionModes } from './permission-mode.ts';
import { flag, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

/** `unknown`: its program is there, but only its start shows whether it is signed in. */
export const agentStatuses = ['ready', 'not_signed_in', 'not_found', 'unknown'] as const;
export type AgentStatus = (typeof agentStatuses)[number];

const learned = { type: ['boolean', 'null'] } as const;

/** The options of a prompt that an agent may be unable to apply. */
export const agentOptions = ['model', 'system', 'maxSteps', 'maxTokens', 'maxCost'] as const;
export type AgentOption = (typeof agentOptions)[number];

export const agentCapabilitiesSchema = {
  type: 'object',
  title: 'AgentCapabilities',
  description: 'What the agent can do. Null: known after its first start.',
  properties: {
    model: { ...learned, description: 'It applies `options.model`.' },
    system: { ...learned, description: 'It applies `options.system`.' },
    maxSteps: { ...learned, description: 'It applies `options.maxSteps`.' },
    maxTokens: { ...learned, description: 'It reports tokens, so that `options.maxTokens` ends a run.' },
    maxCost: { ...learned, description: 'It reports costs, so that `options.maxCost` ends a run.' },
    resume: { ...learned, description: 'Its sessions continue after a restart.' },
    fork: {
      ...learned,
      description: 'Its sessions can be forked. The fork of another agent gets the conversation as text.',
    },
    images: { ...learned, description: 'It reads images.' },
    mcp: { ...learned, description: 'It uses the configured MCP servers.' },
  },
  required: ['model', 'system', 'maxSteps', 'maxTokens', 'maxCost', 'resume', 'fork', 'images', 'mcp'],
  additionalProperties: false,
} as const;

export type AgentCapabilities = SchemaType<typeof agentCapabilitiesSchema>;

export const agentSchema = {
  type: 'object',
  title: 'Agent',
  description: 'A program that can answer the prompts of a session.',
  properties: {
    name: { ...text, description: '`options.agent` of a prompt and `agent` of a session accept it.' },
    title: text,
    command: {
      ...nullableText,
      description: 'The program, as it was found, and its arguments. Null for the built-in agent.',
    },
    status: {
      type: 'string',
      enum: agentStatuses,
      description:
        '`ready`: found and signed in; `unknown`: found, and only its start shows whether it is signed in.',
    },
    detail: { ...text, description: 'How it is set up, or how to install it or to sign in.' },
    version: { ...nullableText, description: 'Null: known after its first start.' },
    isDefault: { ...flag, description: 'True if it answers prompts that name no agent.' },
    models: {
      type: ['array', 'null'],
      items: text,
      description:
        'The models that `options.model` accepts. Null: known after its first start; for the built-in agent, see `GET /api/models`.',
    },
    permissionModes: {
      type: 'array',
      items: { type: 'string', enum: permissionModes },
      description: 'The permission modes that it can work in.',
    },
    capabilities: agentCapabilitiesSchema,
  },
  required: [
    'name',
    'title',
    'command',
    'status',
    'detail',
    'version',
    'isDefault',
    'models',
    'permissionModes',
    'capabilities',
  ],
  additionalProperties: false,
} as const;

export type Agent = SchemaType<typeof agentSchema>;

export const agentsSchema = {
  type: 'object',
  title: 'Agents',
  properties: {
    agents: {
      type: 'array',
      items: agentSchema,
      description: 'The default first, then those that are found, then those that are not.',
    },
  },
  required: ['agents'],
  additionalProperties: false,
} as const;

/** The agents that are configured or have a preset. */
export type Agents = SchemaType<typeof agentsSchema>;
