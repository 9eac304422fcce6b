// Hides parts of webhooks and deliveries from callers without the scope `admin`: the path and query of URLs, where
// Slack, Discord and others put their tokens, and the receivers' answers, which may come from machines inside the
// network.

import type { FastifyRequest } from 'fastify';
import { maskUrl, maskUrlsIn } from '../../base/redaction.ts';
import type { Delivery, DeliveryExplanation, DeliveryRequest } from '../../contract/delivery.ts';
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
    responseHeaders: {},
    signature: null,
  }));
  return { ...delivery, attemptLog };
}

/** What every request has; the other headers are those of the webhook. */
const plainHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'user-agent',
  'accept-encoding',
  'webhook-id',
  'webhook-timestamp',
  'X-Webhook-Event',
  'X-Webhook-Attempt',
  'X-CodeBuddy-Hop',
]);

/** The request as the caller may see it. With a signature, anyone could send it again. */
export function requestFor(request: FastifyRequest, sent: DeliveryRequest): DeliveryRequest {
  if (isAdmin(request)) return sent;
  const headers = Object.entries(sent.headers).map(([name, value]) => [
    name,
    plainHeaders.has(name) ? value : '***',
  ]);
  return {
    ...sent,
    url: sent.url === null ? null : maskUrl(sent.url),
    headers: Object.fromEntries(headers),
  };
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
