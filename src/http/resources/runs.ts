// The routes of runs: list, get, cancel, resume. POST /api/prompt (prompt.ts) starts runs; events.ts has their events.

import { CodeBuddyError } from '../../base/errors.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import { runEndings, runSchema, runStatusSchema } from '../../contract/run.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import { callerOf } from '../pipeline/caller.ts';
import { factsOf } from '../pipeline/request-facts.ts';
import { startErrors } from '../prompt/run-errors.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

const listQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    sessionId: { type: 'string', maxLength: 128, description: 'Only runs of this session.' },
    status: { ...runStatusSchema, description: 'Only runs with this status.' },
  },
  additionalProperties: false,
} as const;

const cancelBodySchema = {
  type: 'object',
  properties: {
    reason: { type: 'string', maxLength: 1000, description: 'Passed to the `run.cancelled` event.' },
  },
  additionalProperties: false,
} as const;

const endStatuses: ReadonlySet<string> = new Set(runEndings);

/** The routes of runs; none without a run service. */
export function runRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { runs } = context.services;
  if (runs === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/runs',
      operationId: 'listRuns',
      summary: 'List runs, newest first.',
      scope: 'read',
      schema: { querystring: listQuerySchema, response: { 200: pageSchema('runs', runSchema) } },
      docs: { errors: ['storage_unavailable'] },
      handler: async (request) => {
        const { sessionId, status, ...query } = request.query as SchemaType<typeof listQuerySchema>;
        const page = await runs.list({
          ...pageRequest('runs', query),
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(status === undefined ? {} : { status }),
        });
        return { runs: page.items, nextCursor: nextCursorOf('runs', page) };
      },
    },
    {
      method: 'GET',
      path: '/api/runs/:id',
      operationId: 'getRun',
      summary: 'Get a run.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: runSchema } },
      docs: { errors: ['run_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const run = await runs.get(id);
        if (run === undefined) throw new CodeBuddyError('run_not_found', `Run "${id}" not found.`);
        return run;
      },
    },
    {
      method: 'POST',
      path: '/api/runs/:id/cancel',
      operationId: 'cancelRun',
      summary: 'Cancel a run. Stops its model call and its tools.',
      scope: 'prompt',
      schema: {
        params: idParamsSchema,
        body: cancelBodySchema,
        response: { 200: runSchema, 202: runSchema },
      },
      docs: {
        descriptions: { 202: 'Another node works on the run and has not ended it yet.' },
        responseHeaders: { 202: ['Location'] },
        errors: ['run_not_found', 'run_ended', 'node_unavailable', 'storage_unavailable'],
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        const { reason } = (request.body ?? {}) as { reason?: string };
        const run = await runs.cancel(id, reason);
        if (!endStatuses.has(run.status)) reply.code(202).header('Location', `/api/runs/${id}`);
        return run;
      },
    },
    {
      method: 'POST',
      path: '/api/runs/:id/resume',
      operationId: 'resumeRun',
      summary: 'Resume an interrupted or failed run.',
      description:
        'The run continues with the scopes of the key that resumes it. That key needs the scope `tools` if the permission mode of the run ' +
        'is more permissive than the default of the server, or if the run contains commands of the offline agent.',
      scope: 'prompt',
      schema: { params: idParamsSchema, response: { 202: runSchema } },
      docs: {
        responseHeaders: { 202: ['Location'] },
        errors: ['run_not_found', 'run_not_resumable', ...startErrors],
      },
      handler: async (request, reply) => {
        const { id } = request.params as { id: string };
        const { keyId, mayUseTools } = callerOf(request);
        const { run } = await runs.resume(id, { hop: factsOf(request).hop, keyId, mayUseTools });
        reply.code(202).header('Location', `/api/runs/${id}`);
        return run;
      },
    },
  ];
}
