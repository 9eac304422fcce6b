// How the deliveries of each webhook went in the last 24 hours.

import { count, text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

const hourSchema = {
  type: 'object',
  title: 'WebhookHour',
  properties: {
    from: time,
    delivered: count,
    undelivered: { ...count, description: 'Failed, or tried without success so far.' },
  },
  required: ['from', 'delivered', 'undelivered'],
  additionalProperties: false,
} as const;

const figuresSchema = {
  type: 'object',
  title: 'WebhookFigures',
  properties: {
    webhookId: text,
    delivered: count,
    failed: count,
    retrying: { ...count, description: 'Tried without success so far; they are tried again.' },
    successRate: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'The share of delivered ones.',
    },
    p95Ms: {
      type: ['number', 'null'],
      description: '95 % of the answers of the receiver came within this time. Null without an answer.',
    },
    hours: {
      type: 'array',
      items: hourSchema,
      description: 'The 24 hours, oldest first, by the time when the deliveries were created.',
    },
  },
  required: ['webhookId', 'delivered', 'failed', 'retrying', 'successRate', 'p95Ms', 'hours'],
  additionalProperties: false,
} as const;

export type WebhookFigures = SchemaType<typeof figuresSchema>;

export const webhookDaySchema = {
  type: 'object',
  title: 'WebhookDay',
  description: 'How the deliveries of each webhook went in the last 24 hours.',
  properties: {
    since: time,
    isComplete: {
      type: 'boolean',
      description: 'False if only the newest deliveries of the day were read, because there are too many.',
    },
    read: { ...count, description: 'How many deliveries were read, of all webhooks.' },
    webhooks: {
      type: 'array',
      items: figuresSchema,
      description: 'The webhooks to which something was sent.',
    },
  },
  required: ['since', 'isComplete', 'read', 'webhooks'],
  additionalProperties: false,
} as const;

export type WebhookDay = SchemaType<typeof webhookDaySchema>;
