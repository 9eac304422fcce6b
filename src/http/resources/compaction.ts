// The route that compacts a session on request.

import { type CompactInput, compactInputSchema, compactionSchema } from '../../contract/compaction.ts';
import { idParamsSchema } from '../../contract/page.ts';
import type { HttpContext } from '../context.ts';
import { onlyChange } from '../pipeline/idempotency.ts';
import { factsOf } from '../pipeline/request-facts.ts';
import type { RouteDefinition } from '../route.ts';

/** The route of compactions; none without a service that compacts sessions. */
export function compactionRoutes({ services, handlers }: HttpContext): readonly RouteDefinition[] {
  const { sessions } = services;
  if (sessions?.compact === undefined || handlers.onGetSessions !== undefined) return [];
  return [
    {
      method: 'POST',
      path: '/api/sessions/:id/compact',
      operationId: 'compactSession',
      summary: 'Replace the older part of the conversation that models read by a summary.',
      description:
        'The messages of the session stay. Prompts that come in meanwhile wait. Long conversations are summarized without a request, too.',
      scope: 'prompt',
      idempotent: true,
      schema: { params: idParamsSchema, body: compactInputSchema, response: { 200: compactionSchema } },
      docs: {
        errors: [
          'session_not_found',
          'session_busy',
          'not_supported_by_agent',
          'cost_limit_reached',
          'context_too_long',
          'model_not_found',
          'model_auth_failed',
          'model_rate_limited',
          'model_refused',
          'model_unavailable',
          'model_bad_response',
          'model_timeout',
          'storage_unavailable',
          'storage_full',
        ],
      },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const input = (request.body ?? {}) as CompactInput;
        return onlyChange(request, async () => sessions.compact?.(id, input, factsOf(request).hop));
      },
    },
  ];
}
