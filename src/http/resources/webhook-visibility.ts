// What a key may see of webhooks and deliveries. The path and the query of a webhook's URL let whoever knows them post there (Slack, Discord
// and others put their token in it), and an answer may come from a machine inside the network: both are for keys with the scope `admin`.

import type { FastifyRequest } from 'fastify';
import { maskUrl, maskUrlsIn } from '../../base/redaction.ts';
import type { Delivery, DeliveryExplanation } from '../../contract/delivery.ts';
import type { Webhook } from '../../contract/webhook.ts';
import { factsOf } from '../pipeline/request-facts.ts';

export function isAdmin(request: FastifyRequest): boolean {
  return factsOf(request).identity?.scopes.includes('admin') === true;
}

export function webhookFor(request: FastifyRequest, webhook: Webhook): Webhook {
  if (isAdmin(request)) return webhook;
  const { name, url, description, headers, state, tls: _, ...rest } = webhook;
  return {
    ...rest,
    name: maskUrlsIn(name),
    url: maskUrl(url),
    description: maskUrlsIn(description),
    headers: Object.fromEntries(Object.keys(headers).map((header) => [header, '***'])),
    state: { ...state, detail: maskUrlsIn(state.detail) },
  };
}

export function deliveryFor<T extends Delivery>(request: FastifyRequest, delivery: T): T {
  if (isAdmin(request)) return delivery;
  const attemptLog = delivery.attemptLog.map((attempt) => ({
    ...attempt,
    message: attempt.message === null ? null : maskUrlsIn(attempt.message),
    location: null,
    responseExcerpt: null,
  }));
  return { ...delivery, attemptLog };
}

/** `curl` holds the whole URL and a signature that is good for sending. */
export function explanationFor(
  request: FastifyRequest,
  explanation: DeliveryExplanation,
): DeliveryExplanation {
  if (isAdmin(request)) return explanation;
  const { summary, nextStep } = explanation;
  return { summary: maskUrlsIn(summary), nextStep: maskUrlsIn(nextStep), curl: null };
}
