// The fields of a trigger that clients set.

import { flag } from './primitives.ts';
import { promptOptionsSchema } from './prompt-options.ts';
import type { SchemaType } from './schema-type.ts';

export const triggerSources = [
  'github',
  'gitlab',
  'standard-webhooks',
  'slack',
  'hmac',
  'bearer',
  'schedule',
] as const;
export type TriggerSource = (typeof triggerSources)[number];

export const triggerDefaults = { perMinute: 30, perHour: 300 } as const;

const texts = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 200 },
  minItems: 1,
  maxItems: 100,
} as const;
const template = { type: 'string', minLength: 1, maxLength: 1000 } as const;
const header = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,100}$' } as const;
const path = { type: 'string', pattern: '^[^\\s{}.]+(\\.[^\\s{}.]+)*$', maxLength: 200 } as const;

/** How calls of the source `hmac` are signed. */
export const signatureRulesSchema = {
  type: 'object',
  title: 'TriggerSignature',
  description: 'How calls of the source `hmac` are signed, and what identifies a call.',
  properties: {
    header: { ...header, description: 'The header with the signature; default: `X-Signature`.' },
    algorithm: { type: 'string', enum: ['sha256', 'sha512'], description: 'Default: `sha256`.' },
    encoding: { type: 'string', enum: ['hex', 'base64'], description: 'Default: `hex`.' },
    prefix: {
      type: 'string',
      maxLength: 20,
      description: 'Before the signature, such as `sha256=`; default: none.',
    },
    timestampHeader: {
      ...header,
      description:
        'The header with the time in Unix seconds or milliseconds. It is signed before the body: `TIME.BODY`.',
    },
    timestampField: {
      ...path,
      description: 'The field of the body with the time, such as `webhookTimestamp`.',
    },
    identityField: {
      ...path,
      description: 'The field of the body that identifies a call; default: its hash.',
    },
    eventField: { ...path, description: 'The field of the body that names the event; default: `type`.' },
  },
  additionalProperties: false,
} as const;

const filterSchema = {
  type: 'object',
  title: 'TriggerFilter',
  description: 'Calls that do not match are ignored. Every field that is set must match.',
  properties: {
    events: { ...texts, description: 'Events, such as `pull_request`, `pull_request.opened` or `issues.*`.' },
    branches: {
      ...texts,
      description: 'Branches, such as `main` or `release/*`; of a pull request, its target.',
    },
    labels: { ...texts, description: 'One of these labels must be set.' },
    actors: { ...texts, description: 'Accounts that may cause a run.' },
    authorAssociations: {
      ...texts,
      description: 'GitHub only: `OWNER`, `MEMBER`, `COLLABORATOR`, `CONTRIBUTOR`, …',
    },
    fields: {
      type: 'object',
      additionalProperties: texts,
      description: 'Fields of the payload with their permitted values, such as `{"action": ["opened"]}`.',
    },
  },
  additionalProperties: false,
} as const;

export type TriggerFilter = SchemaType<typeof filterSchema>;

export const triggerLimitsSchema = {
  type: 'object',
  title: 'TriggerLimits',
  properties: {
    perMinute: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      description: `Runs that calls may start within a minute; default: ${triggerDefaults.perMinute}.`,
    },
    perHour: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      description: `Within an hour; default: ${triggerDefaults.perHour}.`,
    },
    costPerDay: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'US dollars that the runs of a day (UTC) may cost; default: no limit.',
    },
  },
  additionalProperties: false,
} as const;

const scheduleSchema = {
  type: 'object',
  title: 'TriggerSchedule',
  description: 'When a trigger of the source `schedule` starts a run.',
  properties: {
    cron: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      description: 'Minute, hour, day of the month, month, day of the week: `0 9 * * 1-5`.',
    },
    timeZone: { type: 'string', maxLength: 100, description: 'Such as `Europe/Berlin`; default: `UTC`.' },
    missed: {
      type: 'string',
      enum: ['once', 'skip'],
      description:
        'What happens after times at which the server was stopped: one run, or none; default: `skip`.',
    },
  },
  required: ['cron'],
  additionalProperties: false,
} as const;

const { permissionMode: _, format: __, ...runOptions } = promptOptionsSchema.properties;

export const triggerFields = {
  name: { type: 'string', minLength: 1, maxLength: 200, description: 'Default: the source.' },
  description: { type: 'string', maxLength: 2000 },
  enabled: flag,
  prompt: {
    type: 'string',
    minLength: 1,
    maxLength: 65_536,
    description:
      'The task. `{{pull_request.number}}` is replaced by a field of the payload, as a quoted text if it is one. A call without the field is refused. `{{$event}}`, `{{$actor}}`, `{{$branch}}`, `{{$deliveryId}}` and `{{$time}}` are about the call.',
  },
  data: {
    type: ['array', 'null'],
    items: path,
    maxItems: 100,
    description:
      'The fields of the payload that the prompt quotes as data. An empty list quotes none. Null: all, the default.',
  },
  sessionKey: {
    ...template,
    type: ['string', 'null'],
    description:
      'Calls with the same key continue one session, such as `pr-{{pull_request.number}}`. Null: each call has a new session.',
  },
  coalesceKey: {
    ...template,
    type: ['string', 'null'],
    description:
      'A call takes the place of a run with the same key that is still queued, such as `{{pull_request.number}}`.',
  },
  filter: filterSchema,
  limits: triggerLimitsSchema,
  options: {
    type: 'object',
    title: 'TriggerRunOptions',
    description: 'Options of the runs. The permission mode is raised in config.json only.',
    properties: runOptions,
    additionalProperties: false,
  },
  signature: signatureRulesSchema,
  schedule: scheduleSchema,
} as const;

export const triggerSecretSchema = {
  type: 'string',
  minLength: 8,
  maxLength: 4096,
  description:
    'What senders sign with, or send. If it is left out, one is generated. Slack and Linear have their own.',
} as const;

/** The body of `POST /api/triggers`. */
export const triggerInputSchema = {
  type: 'object',
  title: 'TriggerInput',
  properties: {
    id: {
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{8,64}$',
      description: '8 to 64 letters, digits, `_` or `-`; default: a new id. It is part of the URL.',
    },
    source: { type: 'string', enum: triggerSources },
    secret: triggerSecretSchema,
    ...triggerFields,
  },
  required: ['source', 'prompt'],
  additionalProperties: false,
} as const;

export type TriggerInput = SchemaType<typeof triggerInputSchema>;

/** The body of `PATCH /api/triggers/{id}`. */
export const triggerPatchSchema = {
  type: 'object',
  title: 'TriggerPatch',
  description: 'Fields that are left out stay as they are; objects are replaced as a whole.',
  properties: {
    ...triggerFields,
    secret: {
      ...triggerSecretSchema,
      description:
        'Replaces the secret at once: the old one is not accepted any more. To replace it without a gap, rotate it.',
    },
  },
  additionalProperties: false,
} as const;

export type TriggerPatch = SchemaType<typeof triggerPatchSchema>;
