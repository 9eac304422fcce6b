// Hides parts of webhooks and deliveries from callers without the scope `admin`: the path and query of URLs, where
// Slack, Discord and others put their tokens, and the receivers' answers, which may come from machines inside the
// network.

import type { FastifyRequest } from 'fastify';
import { maskUrl, maskUrlsIn } from '../../base/redaction.ts';
import type { Delivery, DeliveryExplanation } from '../../contract/delivery.ts';
import type { Webhook } from '../../contract/webhook.ts';
import { factsOf } from '../pipeline/request-facts.ts';

/** True if the caller has the scope `admin`. */
export function isAdmin(request: FastifyRequest): boolean {
  return factsOf(request).identity?.scopes.includes('admin') === true;
}

/** The webhook as the caller may see it. */
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

/** The delivery as the caller may see it. */
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

/** The explanation as the caller may see it. `curl` contains the whole URL and a valid signature. */
export function explanationFor(
  request: FastifyRequest,
  explanation: DeliveryExplanation,
): DeliveryExplanation {
  if (isAdmin(request)) return explanation;
  const { summary, nextStep } = explanation;
  return { summary: maskUrlsIn(summary), nextStep: maskUrlsIn(nextStep), curl: null };
}
