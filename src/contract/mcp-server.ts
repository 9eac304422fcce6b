// An MCP server: a program or a URL with tools for the agent.

import { count, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const mcpServerStates = ['not started', 'starting', 'running', 'failed', 'disabled'] as const;

export const mcpServerSchema = {
  type: 'object',
  title: 'McpServer',
  description:
    'An MCP server, as it is on the node that answers. Values of `env` and `headers` are never shown.',
  properties: {
    name: text,
    kind: { type: 'string', enum: ['stdio', 'http'] },
    origin: {
      type: 'string',
      enum: ['config', 'api', 'session'],
      description: 'Where it was set: in config.json, over the API for all sessions, or for one session.',
    },
    command: { ...nullableText, description: 'The program, with its arguments. Null for a URL.' },
    url: { ...nullableText, description: 'Scheme, host and port of its URL. Null for a program.' },
    env: { type: 'array', items: text, description: 'The names of its variables.' },
    headers: { type: 'array', items: text, description: 'The names of its headers.' },
    state: { type: 'string', enum: mcpServerStates },
    tools: { ...count, description: 'Number of its tools; 0 unless it is running.' },
    lastError: { ...nullableText, description: 'Why it failed. Null once it is running again.' },
    stderr: {
      ...nullableText,
      description: 'The end of its standard error, at most 4 KiB, without the secrets that it was given.',
    },
  },
  required: [
    'name',
    'kind',
    'origin',
    'command',
    'url',
    'env',
    'headers',
    'state',
    'tools',
    'lastError',
    'stderr',
  ],
  additionalProperties: false,
} as const;

export type McpServer = SchemaType<typeof mcpServerSchema>;

export const mcpServerListSchema = {
  type: 'object',
  title: 'McpServers',
  properties: { mcpServers: { type: 'array', items: mcpServerSchema } },
  required: ['mcpServers'],
  additionalProperties: false,
} as const;

/** The body of `POST /api/mcp-servers`. */
export const mcpServerInputSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 64, description: 'The part of tool names before `__`.' },
    server: {
      type: 'object',
      additionalProperties: true,
      description:
        'As in `mcpServers` of config.json: `{"url": …, "headers": …}` or `{"command": …, "args": …}`. Variables are not replaced.',
    },
  },
  required: ['name', 'server'],
  additionalProperties: false,
} as const;

export type McpServerInput = SchemaType<typeof mcpServerInputSchema>;
