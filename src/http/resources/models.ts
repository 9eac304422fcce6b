// The route of models.

import { modelsSchema } from '../../contract/model.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';

/** The route of models; none without an agent that has models. */
export function modelRoutes({ services }: HttpContext): readonly RouteDefinition[] {
  const { models } = services;
  if (models === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/models',
      operationId: 'listModels',
      summary: 'List the models that could answer, which one was chosen and why.',
      scope: 'read',
      schema: { response: { 200: modelsSchema } },
      handler: () => models(),
    },
  ];
}
