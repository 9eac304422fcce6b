// The routes of MCP servers: list, add, delete and restart them.

import {
  type McpServerInput,
  mcpServerInputSchema,
  mcpServerListSchema,
  mcpServerSchema,
} from '../../contract/mcp-server.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import type { RouteDefinition } from '../route.ts';

const nameParamsSchema = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1, maxLength: 64 } },
  required: ['name'],
  additionalProperties: false,
} as const;

/** The routes of MCP servers; none without an agent that has them. */
export function mcpServerRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { mcpServers } = services;
  if (mcpServers === undefined) return [];
  const nameIn = (params: unknown): string => (params as SchemaType<typeof nameParamsSchema>).name;
  return [
    {
      method: 'GET',
      path: '/api/mcp-servers',
      operationId: 'listMcpServers',
      summary: 'List the MCP servers with their states.',
      description:
        'States are those of the node that answers. Servers start when their tools are first needed.',
      scope: 'read',
      schema: { response: { 200: mcpServerListSchema } },
      handler: () => ({ mcpServers: mcpServers.list() }),
    },
    {
      method: 'POST',
      path: '/api/mcp-servers',
      operationId: 'addMcpServer',
      summary: 'Add an MCP server for all sessions.',
      description:
        'It is kept in the store, and all nodes have it. A program must be one that the setting `mcpPrograms` allows, because it runs outside the sandbox.',
      scope: 'admin',
      schema: { body: mcpServerInputSchema, response: { 201: mcpServerSchema } },
      docs: { errors: ['mcp_server_exists', ...storeErrors] },
      // Not `idempotent`: that would store the body, which may have secrets, with the answer.
      handler: async (request, reply) => {
        const { name, server } = request.body as McpServerInput;
        return reply.code(201).send(await mcpServers.add(name, server));
      },
    },
    {
      method: 'DELETE',
      path: '/api/mcp-servers/:name',
      operationId: 'removeMcpServer',
      summary: 'End an MCP server that was added over the API, and forget it.',
      scope: 'admin',
      schema: { params: nameParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: ['mcp_server_not_found', 'mcp_server_exists', ...storeErrors] },
      handler: async (request, reply) => {
        await mcpServers.remove(nameIn(request.params));
        return reply.code(204).send();
      },
    },
    {
      method: 'POST',
      path: '/api/mcp-servers/:name/restart',
      operationId: 'restartMcpServer',
      summary: 'Start an MCP server again, on the node that answers.',
      description: 'The answer comes when it is running or has failed: `state` and `lastError` tell.',
      scope: 'admin',
      schema: { params: nameParamsSchema, response: { 200: mcpServerSchema } },
      docs: { errors: ['mcp_server_not_found'] },
      handler: (request) => mcpServers.restart(nameIn(request.params)),
    },
  ];
}
