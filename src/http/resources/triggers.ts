// The routes that manage triggers: list, create, get, update, delete, rotate the secret, test, list calls. A secret is
// shown only when it is set. trigger-calls.ts has the route that senders call.

import { CodeBuddyError } from '../../base/errors.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import {
  createdTriggerSchema,
  rotatedTriggerSecretSchema,
  rotateTriggerSecretSchema,
  triggerSchema,
} from '../../contract/trigger.ts';
import {
  type TriggerTest,
  triggerCallSchema,
  triggerTestResultSchema,
  triggerTestSchema,
} from '../../contract/trigger-call.ts';
import {
  type TriggerInput,
  type TriggerPatch,
  triggerInputSchema,
  triggerPatchSchema,
} from '../../contract/trigger-input.ts';
import { type TriggerOutcome, triggerOutcomes } from '../../contract/trigger-outcome.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import type { RouteDefinition } from '../route.ts';
import type { TriggerService } from '../trigger-service.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';

interface PageQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

const listQuerySchema = {
  type: 'object',
  properties: pageQueryProperties,
  additionalProperties: false,
} as const;

const callsQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    outcome: { type: 'string', enum: triggerOutcomes, description: 'Only calls with this outcome.' },
  },
  additionalProperties: false,
} as const;

const changeErrors = ['trigger_not_found', ...storeErrors] as const;
const idOf = (request: { readonly params: unknown }): string => (request.params as { id: string }).id;

/** The routes of triggers; none without a trigger service. */
export function triggerRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { triggers } = context.services;
  if (triggers === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/triggers',
      operationId: 'listTriggers',
      summary: 'List triggers and the last call of each, oldest first.',
      scope: 'admin',
      schema: { querystring: listQuerySchema, response: { 200: pageSchema('triggers', triggerSchema) } },
      docs: { errors: ['storage_unavailable'] },
      handler: async (request) => {
        const { limit, after } = pageRequest('triggers', request.query as PageQuery);
        const all = await triggers.list();
        const rest = after === undefined ? all : all.filter(({ id }) => id > after);
        const items = rest.slice(0, limit);
        const last = items.at(-1);
        const page = rest.length > limit && last !== undefined ? { items, next: last.id } : { items };
        return { triggers: items, nextCursor: nextCursorOf('triggers', page) };
      },
    },
    {
      method: 'POST',
      path: '/api/triggers',
      operationId: 'createTrigger',
      summary: 'Create a trigger. Its secret is shown only once.',
      scope: 'admin',
      schema: { body: triggerInputSchema, response: { 201: createdTriggerSchema } },
      docs: { responseHeaders: { 201: ['Location'] }, errors: ['trigger_exists', ...storeErrors] },
      // Not `idempotent`: that would store the secret in plain text for 24 h.
      handler: async (request, reply) => {
        const { trigger, secret } = await triggers.create(request.body as TriggerInput);
        reply.code(201).header('Location', `/api/triggers/${encodeURIComponent(trigger.id)}`);
        return { ...trigger, secret };
      },
    },
    {
      method: 'GET',
      path: '/api/triggers/:id',
      operationId: 'getTrigger',
      summary: 'Get a trigger and its last call.',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 200: triggerSchema } },
      docs: { errors: ['trigger_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const trigger = await triggers.get(idOf(request));
        if (trigger === undefined)
          throw new CodeBuddyError('trigger_not_found', `Trigger "${idOf(request)}" not found.`);
        return trigger;
      },
    },
    {
      method: 'PATCH',
      path: '/api/triggers/:id',
      operationId: 'updateTrigger',
      summary: 'Update a trigger. Missing fields stay unchanged.',
      scope: 'admin',
      schema: { params: idParamsSchema, body: triggerPatchSchema, response: { 200: triggerSchema } },
      docs: { errors: changeErrors },
      handler: (request) => triggers.update(idOf(request), request.body as TriggerPatch),
    },
    {
      method: 'DELETE',
      path: '/api/triggers/:id',
      operationId: 'removeTrigger',
      summary: 'Delete a trigger. Runs that it has started go on.',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: changeErrors },
      handler: async (request, reply) => {
        await triggers.remove(idOf(request));
        return reply.code(204).send();
      },
    },
    ...actionRoutes(triggers),
  ];
}

function actionRoutes(triggers: TriggerService): readonly RouteDefinition[] {
  return [
    {
      method: 'POST',
      path: '/api/triggers/:id/rotate-secret',
      operationId: 'rotateTriggerSecret',
      summary:
        'Rotate the secret of a trigger. The new one is shown only once; the old one is accepted for 24 h.',
      scope: 'admin',
      schema: {
        params: idParamsSchema,
        body: rotateTriggerSecretSchema,
        response: { 200: rotatedTriggerSecretSchema },
      },
      docs: { errors: changeErrors },
      handler: (request) => {
        const { secret } = request.body as { secret?: string };
        return triggers.rotateSecret(idOf(request), secret);
      },
    },
    {
      method: 'POST',
      path: '/api/triggers/:id/test',
      operationId: 'testTrigger',
      summary: 'Show what a call would do. Nothing is started or logged.',
      description: 'Limits on the number and the cost of runs are not checked.',
      scope: 'admin',
      schema: {
        params: idParamsSchema,
        body: triggerTestSchema,
        response: { 200: triggerTestResultSchema },
      },
      docs: { errors: ['trigger_not_found', 'storage_unavailable'] },
      handler: (request) => triggers.test(idOf(request), request.body as TriggerTest),
    },
    {
      method: 'GET',
      path: '/api/triggers/:id/calls',
      operationId: 'listTriggerCalls',
      summary: 'List the calls of a trigger with their outcomes, newest first.',
      description: 'Calls are kept as long as events, the last 10,000 of each trigger.',
      scope: 'admin',
      schema: {
        params: idParamsSchema,
        querystring: callsQuerySchema,
        response: { 200: pageSchema('calls', triggerCallSchema) },
      },
      docs: { errors: ['trigger_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const { outcome, ...query } = request.query as PageQuery & { readonly outcome?: TriggerOutcome };
        const page = await triggers.calls(idOf(request), {
          ...pageRequest('calls', query),
          ...(outcome === undefined ? {} : { outcome }),
        });
        return { calls: page.items, nextCursor: nextCursorOf('calls', page) };
      },
    },
  ];
}
