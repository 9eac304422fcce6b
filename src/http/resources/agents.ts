// The route of agents.

import { agentsSchema } from '../../contract/agent.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

/** The route of agents; none without an agent that can be chosen. */
export function agentRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { agents } = services;
  if (agents === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/agents',
      operationId: 'listAgents',
      summary: 'List the agents that could answer, which of them are there, and what each can do.',
      description:
        'No agent is started. Facts that only the agent itself knows, such as its version and its models, are null until it has answered once since the start of the server.',
      scope: 'read',
      schema: { response: { 200: agentsSchema } },
      handler: () => agents(),
    },
  ];
}
