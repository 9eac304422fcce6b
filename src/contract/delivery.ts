// A delivery: one event on its way to one webhook, with its attempts.

import { type DeliveryStatus, deliveryStatusSchema } from './delivery-status.ts';
import type { PageRequest } from './page.ts';
import { count, flag, nullableText, nullableTime, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const deliveryAttemptSchema = {
  type: 'object',
  title: 'DeliveryAttempt',
  description: 'One request that was sent, or could not be sent.',
  properties: {
    number: count,
    at: time,
    durationMs: { type: 'number' },
    outcome: {
      type: 'string',
      description:
        '`success`, or the kind of failure, such as `http_error`, `timeout` or `connection_refused`.',
    },
    statusCode: { type: ['integer', 'null'] },
    message: nullableText,
    location: {
      ...nullableText,
      description:
        'The target of a redirect, which is not followed. Null for keys without the scope `admin`.',
    },
    responseExcerpt: {
      ...nullableText,
      description: 'The first 4 KiB of the response. Null for keys without the scope `admin`.',
    },
    responseHeaders: {
      type: 'object',
      additionalProperties: text,
      description:
        'Of an attempt that failed: the headers of the answer that the server acts on. Empty for keys without the scope `admin`.',
    },
    signature: {
      ...nullableText,
      description:
        'The header `webhook-signature` as it was sent. Null if the request was not signed, and for keys without the scope `admin`.',
    },
    traceparent: {
      ...text,
      description: 'The header `traceparent` as it was sent. Absent if the event belongs to no trace.',
    },
    counted: { ...flag, description: 'Whether the attempt used up one of the retries.' },
  },
  required: ['number', 'at', 'durationMs', 'outcome', 'statusCode', 'message', 'responseExcerpt', 'counted'],
  additionalProperties: false,
} as const;

export type DeliveryAttempt = SchemaType<typeof deliveryAttemptSchema>;

export const deliverySchema = {
  type: 'object',
  title: 'Delivery',
  description: 'One event on its way to one webhook.',
  properties: {
    id: text,
    webhookId: text,
    eventId: text,
    event: text,
    sequence: count,
    status: deliveryStatusSchema,
    attempts: count,
    createdAt: time,
    expiresAt: time,
    nextAttemptAt: {
      ...nullableTime,
      description: 'Null once the delivery has ended, and while its webhook is disabled.',
    },
    endedAt: nullableTime,
    reason: { ...nullableText, description: 'The reason why it waits, or how it ended.' },
    attemptLog: { type: 'array', items: deliveryAttemptSchema },
  },
  required: [
    'id',
    'webhookId',
    'eventId',
    'event',
    'sequence',
    'status',
    'attempts',
    'createdAt',
    'expiresAt',
    'nextAttemptAt',
    'endedAt',
    'reason',
    'attemptLog',
  ],
  additionalProperties: false,
} as const;

export type Delivery = SchemaType<typeof deliverySchema>;

const deliveryExplanationSchema = {
  type: 'object',
  properties: {
    summary: text,
    nextStep: text,
    curl: {
      ...nullableText,
      description:
        "A command that sends the same bytes, freshly signed, without the webhook's own headers. Null if it cannot be created, and for keys without the scope `admin`.",
    },
  },
  required: ['summary', 'nextStep', 'curl'],
  additionalProperties: false,
} as const;

export type DeliveryExplanation = SchemaType<typeof deliveryExplanationSchema>;

export const explainedDeliverySchema = {
  ...deliverySchema,
  title: 'ExplainedDelivery',
  properties: { ...deliverySchema.properties, explanation: deliveryExplanationSchema },
  required: [...deliverySchema.required, 'explanation'],
} as const;

export type ExplainedDelivery = SchemaType<typeof explainedDeliverySchema>;

/** The request of one attempt. */
export const deliveryRequestSchema = {
  type: 'object',
  title: 'DeliveryRequest',
  description:
    'The request of one attempt. The body is what was sent, byte for byte. `url`, `user-agent` and the headers of the webhook are those of now.',
  properties: {
    attempt: { ...count, description: 'The number of the attempt; 0 if nothing was sent yet.' },
    method: { type: 'string', enum: ['POST'] },
    url: { ...nullableText, description: 'Null if the webhook was removed.' },
    headers: {
      type: 'object',
      additionalProperties: text,
      description:
        'In the order in which they are sent. Values that hold credentials are masked; for keys without the scope `admin`, those of the webhook and the signature are.',
    },
    body: { ...nullableText, description: 'Null if it is no longer kept.' },
    signedWith: {
      type: 'string',
      enum: ['current_secret', 'another_secret', 'nothing', 'unknown'],
      description:
        '`current_secret`: the signature is that of the secret which the webhook has now, so a receiver with this secret accepts it. `nothing`: the request was not signed.',
    },
  },
  required: ['attempt', 'method', 'url', 'headers', 'body', 'signedWith'],
  additionalProperties: false,
} as const;

export type DeliveryRequest = SchemaType<typeof deliveryRequestSchema>;

/** Selects deliveries of the history. */
export interface DeliveryFilter {
  readonly webhookId?: string;
  readonly status?: DeliveryStatus;
  readonly event?: string;
  readonly eventId?: string;
  /** RFC 3339: only deliveries created since then. */
  readonly since?: string;
}

/** `after`: the id of the last delivery of the page before. */
export interface HistoryQuery extends PageRequest, DeliveryFilter {}

const retryFilterProperties = {
  webhookId: text,
  event: text,
  since: { ...time, description: 'Only deliveries created since then.' },
} as const;

const retryFilterSchema = {
  type: 'object',
  properties: retryFilterProperties,
  additionalProperties: false,
} as const;

/** Selects failed deliveries. */
export type RetryFilter = SchemaType<typeof retryFilterSchema>;

/** The body of `POST /api/deliveries/retry`. */
export const retryRequestSchema = {
  type: 'object',
  properties: {
    ...retryFilterProperties,
    dryRun: { ...flag, description: 'Count the deliveries, and queue none; default: false.' },
  },
  additionalProperties: false,
} as const;

export type RetryRequest = SchemaType<typeof retryRequestSchema>;

/** The answer to a retry with `dryRun`. */
export const matchingSchema = {
  type: 'object',
  properties: { matching: { ...count, description: 'Deliveries that would be queued.' } },
  required: ['matching'],
  additionalProperties: false,
} as const;

export type Matching = SchemaType<typeof matchingSchema>;

/** The number of queued deliveries. */
export const queuedSchema = {
  type: 'object',
  properties: { queued: count },
  required: ['queued'],
  additionalProperties: false,
} as const;

export type Queued = SchemaType<typeof queuedSchema>;
