// The route of workspaces.

import { workspacesSchema } from '../../contract/workspace.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

/** The route of workspaces; none without an agent that has them. */
export function workspaceRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { workspaces } = services;
  if (workspaces === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/workspaces',
      operationId: 'listWorkspaces',
      summary: 'List the folders that sessions work in, with their state in git.',
      description:
        'Folders are those of the node that answers: other nodes may have others under the same path.',
      scope: 'read',
      schema: { response: { 200: workspacesSchema } },
      docs: { errors: ['storage_unavailable'] },
      handler: () => workspaces(),
    },
  ];
}
