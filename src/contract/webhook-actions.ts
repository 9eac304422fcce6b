// Actions on a webhook besides updating it: rotate its secret, replay events, enable it.

import { count, flag } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { webhookSchema } from './webhook.ts';
import { eventPatternsSchema } from './webhook-input.ts';

/** The body of `POST /api/webhooks/{id}/secret`. */
export const rotateSecretSchema = {
  type: 'object',
  properties: { secret: { type: 'string', description: 'The new secret; default: one is generated.' } },
  additionalProperties: false,
} as const;

const pointSchema = { type: ['integer', 'string'] } as const;

/**
 * Selects the events to queue again. Both ends are exclusive, but a time as `after` includes the events of that time.
 */
export const replayRangeSchema = {
  type: 'object',
  properties: {
    after: { ...pointSchema, description: 'A sequence number, or an RFC 3339 time.' },
    before: { ...pointSchema, description: 'A sequence number, or an RFC 3339 time; default: now.' },
    events: { ...eventPatternsSchema, description: 'Only these event types; default: those of the webhook.' },
  },
  required: ['after'],
  additionalProperties: false,
} as const;

export type ReplaySelection = SchemaType<typeof replayRangeSchema>;
export type ReplayRange = Pick<ReplaySelection, 'after' | 'before'>;

export const replayedSchema = {
  type: 'object',
  properties: {
    queued: { ...count, description: 'Deliveries that were created.' },
    skipped: { ...count, description: 'Events that were left out: no longer kept, or still pending.' },
  },
  required: ['queued', 'skipped'],
  additionalProperties: false,
} as const;

export type Replayed = SchemaType<typeof replayedSchema>;

/** The body of `POST /api/webhooks/{id}/enable`. */
export const enableOptionsSchema = {
  type: 'object',
  properties: {
    replayMissed: {
      ...flag,
      description: 'Deliver the events that were missed while it was disabled; default: false.',
    },
  },
  additionalProperties: false,
} as const;

export type EnableOptions = SchemaType<typeof enableOptionsSchema>;

export const enabledWebhookSchema = {
  type: 'object',
  properties: {
    webhook: webhookSchema,
    queued: { ...count, description: 'Missed events that will be sent.' },
  },
  required: ['webhook', 'queued'],
  additionalProperties: false,
} as const;

export type EnabledWebhook = SchemaType<typeof enabledWebhookSchema>;
