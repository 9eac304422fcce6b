// A trigger: a URL that senders such as GitHub call, or a schedule, which starts runs: as clients see it,
// and as triggers.json keeps it.

import { permissionModes } from './permission-mode.ts';
import { flag, nullableText, nullableTime, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { triggerCallSchema } from './trigger-call.ts';
import {
  triggerFields,
  triggerInputSchema,
  triggerLimitsSchema,
  triggerSecretSchema,
  triggerSources,
} from './trigger-input.ts';

/** An entry of triggers.json. */
export const triggerEntrySchema = {
  ...triggerInputSchema,
  properties: {
    ...triggerInputSchema.properties,
    previousSecret: {
      type: 'object',
      properties: { secret: text, until: { type: 'integer' } },
      required: ['secret', 'until'],
      additionalProperties: false,
    },
  },
  required: ['id', ...triggerInputSchema.required],
} as const;

export type TriggerEntry = SchemaType<typeof triggerEntrySchema>;

export const triggerSchema = {
  type: 'object',
  title: 'Trigger',
  description: 'A URL or a schedule that starts runs. The secret is never shown.',
  properties: {
    id: text,
    source: { type: 'string', enum: triggerSources },
    ...triggerFields,
    limits: { ...triggerLimitsSchema, required: ['perMinute', 'perHour'] },
    path: { ...nullableText, description: 'The path that senders call. Null for a schedule.' },
    permissionMode: {
      type: 'string',
      enum: permissionModes,
      description: 'The mode of its runs: `read-only`, unless `triggerModes` in config.json says otherwise.',
    },
    hasSecret: flag,
    previousSecretUntil: { ...nullableTime, description: 'Until then, the old secret is accepted, too.' },
    nextRunAt: { ...nullableTime, description: 'Of a schedule.' },
    refusal: {
      ...nullableText,
      description: 'Why the entry in triggers.json cannot be used. Null if it can.',
    },
    lastCall: { ...triggerCallSchema, type: ['object', 'null'] },
  },
  required: [
    'id',
    'source',
    'name',
    'description',
    'enabled',
    'prompt',
    'data',
    'sessionKey',
    'coalesceKey',
    'filter',
    'limits',
    'options',
    'path',
    'permissionMode',
    'hasSecret',
    'previousSecretUntil',
    'nextRunAt',
    'refusal',
    'lastCall',
  ],
  additionalProperties: false,
} as const;

export type Trigger = SchemaType<typeof triggerSchema>;

const shownSecret = {
  ...nullableText,
  description: 'Shown only once. Null for a schedule.',
} as const;

export const createdTriggerSchema = {
  ...triggerSchema,
  title: 'CreatedTrigger',
  properties: { ...triggerSchema.properties, secret: shownSecret },
  required: [...triggerSchema.required, 'secret'],
} as const;

export type CreatedTrigger = SchemaType<typeof createdTriggerSchema>;

/** The body of `POST /api/triggers/{id}/rotate-secret`. */
export const rotateTriggerSecretSchema = {
  type: 'object',
  properties: { secret: triggerSecretSchema },
  additionalProperties: false,
} as const;

export const rotatedTriggerSecretSchema = {
  type: 'object',
  title: 'RotatedTriggerSecret',
  properties: {
    secret: { ...text, description: 'Shown only once.' },
    previousValidUntil: { ...nullableTime, description: 'Until then, the old secret is accepted, too.' },
  },
  required: ['secret', 'previousValidUntil'],
  additionalProperties: false,
} as const;

export type RotatedTriggerSecret = SchemaType<typeof rotatedTriggerSecretSchema>;
