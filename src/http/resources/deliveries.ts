// The routes of webhook deliveries: list, get, retry, delete. Only keys with the scope `admin` see the receivers'
// answers, which may come from machines inside the network, and signed requests.

import { CodeBuddyError } from '../../base/errors.ts';
import {
  deliveryRequestSchema,
  deliverySchema,
  explainedDeliverySchema,
  matchingSchema,
  queuedSchema,
  type RetryRequest,
  retryRequestSchema,
} from '../../contract/delivery.ts';
import { deliveryStatusSchema } from '../../contract/delivery-status.ts';
import { idParamsSchema, pageQueryProperties, pageSchema } from '../../contract/page.ts';
import { time } from '../../contract/primitives.ts';
import type { SchemaType } from '../../contract/schema-type.ts';
import type { HttpContext } from '../context.ts';
import { storeErrors } from '../docs/route-docs.ts';
import type { RouteDefinition } from '../route.ts';
import { nextCursorOf, pageRequest } from './cursor.ts';
import { deliveryFor, explanationFor, requestFor } from './webhook-visibility.ts';

const webhookIdSchema = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  description: 'Only deliveries of this webhook.',
} as const;

const listQuerySchema = {
  type: 'object',
  properties: {
    ...pageQueryProperties,
    webhookId: webhookIdSchema,
    status: { ...deliveryStatusSchema, description: 'Only deliveries with this status.' },
    event: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description: 'Only deliveries of this event type.',
    },
    eventId: { type: 'string', minLength: 1, maxLength: 128, description: 'Only deliveries of this event.' },
    since: { ...time, description: 'Only deliveries created at this time or later.' },
  },
  additionalProperties: false,
} as const;

const requestQuerySchema = {
  type: 'object',
  properties: {
    attempt: {
      type: 'integer',
      minimum: 1,
      description: 'The number of the attempt; default: the last one.',
    },
  },
  additionalProperties: false,
} as const;

const clearQuerySchema = {
  type: 'object',
  properties: { webhookId: webhookIdSchema },
  additionalProperties: false,
} as const;

/** The routes of deliveries; none without a webhook service. */
export function deliveryRoutes(context: HttpContext): readonly RouteDefinition[] {
  const { webhooks } = context.services;
  if (webhooks === undefined) return [];
  return [
    {
      method: 'GET',
      path: '/api/deliveries',
      operationId: 'listDeliveries',
      summary: 'List deliveries, newest first.',
      scope: 'read',
      schema: { querystring: listQuerySchema, response: { 200: pageSchema('deliveries', deliverySchema) } },
      docs: { errors: ['storage_unavailable'] },
      handler: async (request) => {
        const { limit, cursor, ...filter } = request.query as SchemaType<typeof listQuerySchema>;
        const page = await webhooks.listDeliveries({
          ...pageRequest('deliveries', { limit, cursor }),
          ...filter,
        });
        const deliveries = page.items.map((delivery) => deliveryFor(request, delivery));
        return { deliveries, nextCursor: nextCursorOf('deliveries', page) };
      },
    },
    {
      method: 'DELETE',
      path: '/api/deliveries',
      operationId: 'clearDeliveries',
      summary: 'Delete ended deliveries. Pending ones are kept.',
      scope: 'admin',
      schema: { querystring: clearQuerySchema, response: { 204: { type: 'null' } } },
      docs: { errors: storeErrors },
      handler: async (request, reply) => {
        await webhooks.clearHistory(request.query as { webhookId?: string });
        return reply.code(204).send();
      },
    },
    {
      method: 'POST',
      path: '/api/deliveries/retry',
      operationId: 'retryDeliveries',
      summary: 'Retry failed deliveries, or count them with `dryRun`.',
      scope: 'admin',
      schema: { body: retryRequestSchema, response: { 200: matchingSchema, 202: queuedSchema } },
      docs: { errors: storeErrors },
      handler: async (request, reply) => {
        const { dryRun, ...filter } = request.body as RetryRequest;
        if (dryRun === true) return webhooks.countFailed(filter);
        return reply.code(202).send(await webhooks.retryFailed(filter));
      },
    },
    {
      method: 'GET',
      path: '/api/deliveries/:id',
      operationId: 'getDelivery',
      summary: 'Get a delivery with all attempts and an explanation.',
      scope: 'read',
      schema: { params: idParamsSchema, response: { 200: explainedDeliverySchema } },
      docs: { errors: ['delivery_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const delivery = await webhooks.getDelivery(id);
        if (delivery === undefined) {
          throw new CodeBuddyError('delivery_not_found', `Delivery "${id}" not found.`);
        }
        return {
          ...deliveryFor(request, delivery),
          explanation: explanationFor(request, delivery.explanation),
        };
      },
    },
    {
      method: 'GET',
      path: '/api/deliveries/:id/request',
      operationId: 'getDeliveryRequest',
      summary: 'Get the request of an attempt: its headers, and its body as it was sent.',
      scope: 'read',
      schema: {
        params: idParamsSchema,
        querystring: requestQuerySchema,
        response: { 200: deliveryRequestSchema },
      },
      docs: { errors: ['delivery_not_found', 'storage_unavailable'] },
      handler: async (request) => {
        const { id } = request.params as { id: string };
        const { attempt } = request.query as { attempt?: number };
        const sent = await webhooks.getRequest(id, attempt);
        if (sent === undefined) throw new CodeBuddyError('delivery_not_found', `Delivery "${id}" not found.`);
        return requestFor(request, sent);
      },
    },
    {
      method: 'POST',
      path: '/api/deliveries/:id/retry',
      operationId: 'retryDelivery',
      summary: 'Retry a delivery with the same id and the same bytes.',
      scope: 'admin',
      schema: { params: idParamsSchema, response: { 202: deliverySchema } },
      docs: {
        responseHeaders: { 202: ['Location'] },
        errors: ['delivery_not_found', 'delivery_pending', 'webhook_not_found', ...storeErrors],
      },
      handler: async (request, reply) => {
        const delivery = await webhooks.retry((request.params as { id: string }).id);
        reply.code(202).header('Location', `/api/deliveries/${delivery.id}`);
        return delivery;
      },
    },
  ];
}
