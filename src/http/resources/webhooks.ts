// The routes of webhooks: list, create, get, update, delete, test, rotate the secret, replay, enable. A secret is shown
// only when it is created.

import { CodeBuddyError } from '../../base/errors.ts';
import { deliverySchema } from '../../contract/delivery.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import { createdWebhookSchema, rotatedSecretSchema, webhookSchema } from '../../contract/webhook.ts';
import {
  enabledWebhookSchema,
  enableOptionsSchema,
  replayedSchema,
  replayRangeSchema,
  rotateSecretSchema,
} from '../../contract/webhook-actions.ts';
import { webhookDaySchema } from '../../contract/webhook-figures.ts';
import {
  type WebhookInput,
  type WebhookPatch,
  webhookInputSchema,
  webhookPatchSchema,
} from '../../contract/webhook-input.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import type { RouteDefinition } from '../route.ts';
import type { WebhookService } from '../webhook-service.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';
import { webhookFor } from './webhook-visibility.ts';

const listQuerySchema = {
  type: 'object',
  properties: pageQueryProperties,
  additionalProperties: false,
} as const;

const changeErrors = ['webhook_not_found', ...storeErrors] as const;

/** The routes of webhooks; none without a webhook service. */
export function webhookRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { webhooks } = context.services;
  if (webhooks === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/webhooks',
      operationId: 'listWebhooks',
      summary: 'List webhooks and their status, oldest first.',
      scope: 'read',
      schema: { querystring: listQuerySchema, response: { 200: pageSchema('webhooks', webhookSchema) } },
      docs: { errors: ['storage_unavailable'] },
      handler: async (request) => {
        const { limit, after } = pageRequest(
          'webhooks',
          request.query as { limit?: number; cursor?: string },
        );
        const all = [...(await webhooks.list())].sort((left, right) => (left.id < right.id ? -1 : 1));
        const rest = after === undefined ? all : all.filter(({ id }) => id > after);
        const items = rest.slice(0, limit);
        const last = items.at(-1);
        const page = rest.length > limit && last !== undefined ? { items, next: last.id } : { items };
        return {
          webhooks: items.map((webhook) => webhookFor(request, webhook)),
          nextCursor: nextCursorOf('webhooks', page),
        };
      },
    },
    {
      method: 'POST',
      path: '/api/webhooks',
      operationId: 'createWebhook',
      summary: 'Create a webhook. Its secret is shown only once.',
      scope: 'admin',
      schema: { body: webhookInputSchema, response: { 201: createdWebhookSchema } },
      docs: { responseHeaders: { 201: ['Location'] }, errors: ['webhook_exists', ...storeErrors] },
      // Not `idempotent`: that would store the secret in plain text for 24 h.
      handler: async (request, reply) => {
        const { webhook, ...made } = await webhooks.create(request.body as WebhookInput);
        reply.code(201).header('Location', `/api/webhooks/${encodeURIComponent(webhook.id)}`);
        return { ...webhook, ...made };
      },
    },
    {
      method: 'GET',
      path: '/api/webhooks/:id',
      operationId: 'getWebhook',
      summary: 'Get a webhook and its status.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: webhookSchema } },
      docs: { errors: ['webhook_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const webhook = await webhooks.get(id);
        if (webhook === undefined) {
          throw new CodeBuddyError('webhook_not_found', `Webhook "${id}" not found.`);
        }
        return webhookFor(request, webhook);
      },
    },
    {
      method: 'PATCH',
      path: '/api/webhooks/:id',
      operationId: 'updateWebhook',
      summary: 'Update a webhook. Missing fields stay unchanged.',
      scope: 'admin',
      schema: { params: idParamsSchema, body: webhookPatchSchema, response: { 200: webhookSchema } },
      docs: { errors: changeErrors },
      handler: (request) =>
        webhooks.update((request.params as { id: string }).id, request.body as WebhookPatch),
    },
    {
      method: 'DELETE',
      path: '/api/webhooks/:id',
      operationId: 'removeWebhook',
      summary: 'Delete a webhook. Its pending deliveries are cancelled.',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: changeErrors },
      handler: async (request, reply) => {
        await webhooks.remove((request.params as { id: string }).id);
        return reply.code(204).send();
      },
    },
    {
      method: 'GET',
      path: '/api/webhook-figures',
      operationId: 'getWebhookFigures',
      summary: 'Get how the deliveries of each webhook went in the last 24 hours.',
      description:
        'Reads the newest 20 000 deliveries of the last 24 hours at most; `isComplete` says whether these are all.',
      scope: 'read',
      schema: { response: { 200: webhookDaySchema } },
      docs: { errors: ['storage_unavailable'] },
      handler: () => webhooks.day(),
    },
    ...actionRoutes(webhooks),
  ];
}

function actionRoutes(webhooks: WebhookService): readonly RouteDefinition[] {
  return [
    {
      method: 'POST',
      path: '/api/webhooks/:id/test',
      operationId: 'testWebhook',
      summary: 'Send a `webhook.test` event to a webhook. `Location` names the delivery.',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 202: deliverySchema } },
      docs: {
        responseHeaders: { 202: ['Location'] },
        errors: ['webhook_disabled', 'too_many_tests', ...changeErrors],
      },
      handler: async (request, reply) => {
        const delivery = await webhooks.test((request.params as { id: string }).id);
        reply.code(202).header('Location', `/api/deliveries/${delivery.id}`);
        return delivery;
      },
    },
    {
      method: 'POST',
      path: '/api/webhooks/:id/rotate-secret',
      operationId: 'rotateWebhookSecret',
      summary:
        'Rotate the secret of a webhook. The new one is shown only once; the old one also signs for 24 h.',
      scope: 'admin',
      schema: { params: idParamsSchema, body: rotateSecretSchema, response: { 200: rotatedSecretSchema } },
      docs: { errors: changeErrors },
      handler: (request) => {
        const { secret } = request.body as { secret?: string };
        return webhooks.rotateSecret((request.params as { id: string }).id, secret);
      },
    },
    {
      method: 'POST',
      path: '/api/webhooks/:id/replay',
      operationId: 'replayToWebhook',
      summary: 'Replay events of the log to a webhook.',
      scope: 'admin',
      schema: { params: idParamsSchema, body: replayRangeSchema, response: { 202: replayedSchema } },
      docs: { errors: ['replay_running', ...changeErrors] },
      handler: async (request, reply) => {
        const range = request.body as Parameters<WebhookService['replay']>[1];
        const answer = await webhooks.replay((request.params as { id: string }).id, range);
        return reply.code(202).send(answer);
      },
    },
    {
      method: 'POST',
      path: '/api/webhooks/:id/enable',
      operationId: 'enableWebhook',
      summary: 'Enable a disabled webhook, optionally with the events that it missed.',
      scope: 'admin',
      schema: { params: idParamsSchema, body: enableOptionsSchema, response: { 200: enabledWebhookSchema } },
      docs: { errors: ['replay_running', ...changeErrors] },
      handler: (request) =>
        webhooks.enable(
          (request.params as { id: string }).id,
          request.body as { readonly replayMissed?: boolean },
        ),
    },
  ];
}
