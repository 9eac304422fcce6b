// The fields of a webhook that a client sets. A new one is declared here, and webhook.ts shows it. The schemas check
// types only; the engine checks the values (webhook-config.ts), so that the API, the library and webhooks.json report
// the same errors.

import { eventTypes } from './event-types.ts';
import { flag, nullableText, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { webhookLimits } from './webhook-limits.ts';
import { webhookTlsSchema } from './webhook-tls.ts';

export const eventPatternsSchema = {
  type: 'array',
  items: text,
  description: `Event types, \`tool.*\` or \`*\` (the default). The types are: ${eventTypes.join(', ')}.`,
} as const;

const { retryCount, retryDelay, timeout } = webhookLimits;

export const webhookFields = {
  name: { type: 'string', description: 'Default: the host of the URL.' },
  url: {
    type: 'string',
    description: 'https to a public address. Other targets need an entry in `allowedTargets`.',
  },
  events: eventPatternsSchema,
  secret: {
    ...nullableText,
    description:
      'Null: requests are not signed. If it is left out when a webhook is created, one is generated.',
  },
  enabled: flag,
  headers: {
    type: 'object',
    additionalProperties: text,
    description: 'Sent with each request: at most 50 headers, 4 KiB for each value and 16 KiB in all.',
  },
  retryCount: {
    type: 'integer',
    description: `Retries after the first attempt, ${retryCount.minimum} to ${retryCount.maximum}; default: ${retryCount.default}.`,
  },
  retryDelay: {
    type: 'integer',
    description: `Milliseconds before the first retry, ${retryDelay.minimum} to ${retryDelay.maximum}; doubles with each retry; default: ${retryDelay.default}.`,
  },
  timeout: {
    type: 'integer',
    description: `Milliseconds that one attempt may take, ${timeout.minimum} to ${timeout.maximum}; default: ${timeout.default}.`,
  },
  ordered: { ...flag, description: 'Send events one at a time, in order; default: false.' },
  legacySignature: { ...flag, description: 'Also send X-Webhook-Signature; default: true.' },
  description: text,
  tls: {
    ...webhookTlsSchema,
    type: ['object', 'null'],
    description: `${webhookTlsSchema.description} \`cert\` and \`key\` go together. Null: none.`,
  },
} as const;

/** The body of `POST /api/webhooks`. */
export const webhookInputSchema = {
  type: 'object',
  title: 'WebhookInput',
  properties: {
    id: { type: 'string', description: '8 to 64 letters, digits, `_` or `-`; default: a new id.' },
    ...webhookFields,
  },
  required: ['url'],
  additionalProperties: false,
} as const;

export type WebhookInput = SchemaType<typeof webhookInputSchema>;

/** The body of `PATCH /api/webhooks/{id}`. */
export const webhookPatchSchema = {
  type: 'object',
  title: 'WebhookPatch',
  description: 'Fields that are left out stay as they are; so do values that are masked (`***`).',
  properties: webhookFields,
  additionalProperties: false,
} as const;

export type WebhookPatch = SchemaType<typeof webhookPatchSchema>;

/** `webhook` of `POST /api/prompt`. */
export const runWebhookSchema = {
  type: 'object',
  title: 'RunWebhook',
  description: 'Receives the events of this run, and is removed after they are delivered.',
  properties: {
    url: webhookFields.url,
    events: eventPatternsSchema,
    secret: { type: 'string', description: 'Signs the requests. Without it, they are not signed.' },
  },
  required: ['url'],
  additionalProperties: false,
} as const;

export type RunWebhook = SchemaType<typeof runWebhookSchema>;
