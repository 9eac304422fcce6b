// Webhooks: list, make, change, remove, test, rotate the secret, replay, enable. A secret is shown once, when it is made.

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
import {
  type WebhookInput,
  type WebhookPatch,
  webhookInputSchema,
  webhookPatchSchema,
} from '../../contract/webhook-input.ts';
import type { HttpContext } from '../context.ts';
import type { RouteDefinition } from '../route.ts';
import type { WebhookService } from '../webhook-service.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';
import { webhookFor } from './webhook-visibility.ts';

const listQuerySchema = {
  type: 'object',
  properties: pageQueryProperties,
  additionalProperties: false,
} as const;

const storeErrors = ['storage_unavailable', 'storage_full'] as const;
const changeErrors = ['webhook_not_found', ...storeErrors] as const;

/** Routes of webhooks; none if the host has no webhook service. */
export function webhookRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { webhooks } = context.services;
  if (webhooks === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/webhooks',
      operationId: 'listWebhooks',
      summary: 'Webhooks and how they fare, oldest first',
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
      summary: 'Make a webhook; the answer is the only place where its secret is shown',
      scope: 'admin',
      schema: { body: webhookInputSchema, response: { 201: createdWebhookSchema } },
      docs: { responseHeaders: { 201: ['Location'] }, errors: ['webhook_exists', ...storeErrors] },
      // Not `idempotent`: that would keep the secret itself, in the clear, for 24 h.
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
      summary: 'One webhook and how it fares',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: webhookSchema } },
      docs: { errors: ['webhook_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const webhook = await webhooks.get(id);
        if (webhook === undefined) {
          throw new CodeBuddyError('webhook_not_found', `There is no webhook '${id}'`);
        }
        return webhookFor(request, webhook);
      },
    },
    {
      method: 'PATCH',
      path: '/api/webhooks/:id',
      operationId: 'updateWebhook',
      summary: 'Change a webhook; what is left out stays as it is',
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
      summary: 'Remove a webhook; its pending deliveries are cancelled',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 204: { type: 'null' } } },
      docs: { errors: changeErrors },
      handler: async (request, reply) => {
        await webhooks.remove((request.params as { id: string }).id);
        return reply.code(204).send();
      },
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
      summary: 'Send a webhook.test event to this webhook alone; Location names the delivery',
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
      summary: 'Give a webhook a new secret, shown this once; the old one signs too for 24 h',
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
      summary: 'Send events of the log to a webhook, again or for the first time',
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
      summary: 'Enable a disabled webhook, and deliver what it missed if asked to',
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
