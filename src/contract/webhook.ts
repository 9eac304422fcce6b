// A webhook as clients see it: its fields, and the state of its deliveries. webhook-input.ts declares the fields that
// clients set.

import { count, flag, nullableText, nullableTime, text } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';
import { webhookFields } from './webhook-input.ts';
import { webhookTlsSchema } from './webhook-tls.ts';

/**
 * `failing`: the last attempts failed. `open`: after failures, one request at a time is tried. `unreachable`: this
 * machine cannot reach the target. `paused`: the receiver asked for a pause. `refused`: the entry in webhooks.json
 * cannot be used.
 */
export const webhookStatuses = [
  'healthy',
  'failing',
  'open',
  'unreachable',
  'paused',
  'disabled',
  'refused',
] as const;
export type WebhookStatus = (typeof webhookStatuses)[number];

const statusSchema = {
  type: 'string',
  enum: webhookStatuses,
  description:
    '`refused`: the entry in webhooks.json cannot be used. `unreachable`: this machine cannot reach the target. See `detail`.',
} as const;
const detailSchema = { type: 'string', description: 'The state in words, with the next step.' } as const;

const webhookStateSchema = {
  type: 'object',
  title: 'WebhookState',
  description: 'The state of a webhook. Times are null where they do not apply.',
  properties: {
    status: statusSchema,
    detail: detailSchema,
    pending: { ...count, description: 'Deliveries that have not ended.' },
    inFlight: { ...count, description: 'Requests under way.' },
    failures: { ...count, description: 'Failed attempts in a row.' },
    failingSince: nullableTime,
    lastSuccessAt: nullableTime,
    pausedUntil: nullableTime,
    nextProbeAt: { ...nullableTime, description: 'While requests are held back: the time of the next one.' },
    disabledAt: nullableTime,
    disabledReason: nullableText,
    missed: {
      ...count,
      description:
        'Matching events since the webhook was disabled. Enable it with `replayMissed` to deliver them.',
    },
  },
  required: [
    'status',
    'detail',
    'pending',
    'inFlight',
    'failures',
    'failingSince',
    'lastSuccessAt',
    'pausedUntil',
    'nextProbeAt',
    'disabledAt',
    'disabledReason',
    'missed',
  ],
  additionalProperties: false,
} as const;

export type WebhookState = SchemaType<typeof webhookStateSchema>;

const { secret: _, ...shownFields } = webhookFields;
/** All but `tls`, which is left out if there is none. */
const alwaysShown = (Object.keys(shownFields) as (keyof typeof shownFields)[]).filter(
  (name) => name !== 'tls',
);

export const webhookSchema = {
  type: 'object',
  title: 'Webhook',
  description: 'A URL that receives events. The secret is never shown.',
  properties: {
    id: text,
    ...shownFields,
    url: {
      type: 'string',
      description:
        'Keys without the scope `admin` see the origin only, because the path of a webhook often works as its password.',
    },
    headers: {
      type: 'object',
      additionalProperties: text,
      description:
        'Additional request headers. Values that hold credentials are masked; for keys without the scope `admin`, all values are.',
    },
    tls: {
      ...webhookTlsSchema,
      description: `${webhookTlsSchema.description} Keys without the scope \`admin\` do not see them.`,
    },
    signed: { ...flag, description: 'Whether requests are signed.' },
    publicKey: { ...nullableText, description: '`whpk_…` of a webhook that signs with ed25519.' },
    runId: {
      ...nullableText,
      description: 'The run that the webhook belongs to, if it is for one run only.',
    },
    state: webhookStateSchema,
  },
  required: ['id', ...alwaysShown, 'signed', 'publicKey', 'runId', 'state'],
  additionalProperties: false,
} as const;

export type Webhook = SchemaType<typeof webhookSchema>;

/** A webhook that needs attention, as `GET /api/status` and `doctor` list it. */
export const webhookAttentionSchema = {
  type: 'object',
  title: 'WebhookAttention',
  properties: { id: text, name: text, status: statusSchema, detail: detailSchema },
  required: ['id', 'name', 'status', 'detail'],
  additionalProperties: false,
} as const;

export type WebhookAttention = SchemaType<typeof webhookAttentionSchema>;

const webhookSecretProperties = {
  secret: { ...nullableText, description: 'Shown only once. Null if requests are not signed.' },
  signingSecret: {
    ...nullableText,
    description: 'The secret in the form that Standard Webhooks libraries take; `whpk_…` for an ed25519 key.',
  },
} as const;

const webhookSecretSchema = {
  type: 'object',
  properties: webhookSecretProperties,
  required: ['secret', 'signingSecret'],
} as const;

/** Shown once, when the secret is set. */
export type WebhookSecret = SchemaType<typeof webhookSecretSchema>;

export const createdWebhookSchema = {
  ...webhookSchema,
  title: 'CreatedWebhook',
  properties: {
    ...webhookSchema.properties,
    ...webhookSecretProperties,
    sameUrlAs: {
      type: 'array',
      items: text,
      description:
        'Ids of other webhooks with the same URL. An event that matches several of them is sent there several times.',
    },
  },
  required: [...webhookSchema.required, 'secret', 'signingSecret'],
} as const;

export const rotatedSecretSchema = {
  type: 'object',
  title: 'RotatedSecret',
  properties: {
    ...webhookSecretProperties,
    previousValidUntil: {
      ...nullableTime,
      description: 'Until then, requests are also signed with the old secret.',
    },
  },
  required: ['secret', 'signingSecret', 'previousValidUntil'],
  additionalProperties: false,
} as const;

export type RotatedSecret = SchemaType<typeof rotatedSecretSchema>;
