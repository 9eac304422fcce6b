// JSON Schemas of webhooks and deliveries. Bodies are held to types only: what a URL, an event name, a header or a secret
// may be is the engine's to say, so that clients of every way in read the same words.

import { eventTypes } from '../events/catalogue.ts';
import { timeSchema } from './schemas.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const nullableText = { type: ['string', 'null'] } as const;
const nullableTime = { type: ['string', 'null'], format: 'date-time' } as const;

const webhookStateSchema = {
  type: 'object',
  title: 'WebhookState',
  description: 'How a webhook fares.',
  properties: {
    status: {
      type: 'string',
      enum: ['healthy', 'failing', 'open', 'unreachable', 'paused', 'disabled', 'refused'],
      description:
        '`refused`: its entry in webhooks.json cannot be used now. `unreachable`: this machine has no way to the target. `detail` says more.',
    },
    detail: { type: 'string', description: 'In words, with the next step.' },
    pending: { ...count, description: 'Deliveries that have not ended.' },
    inFlight: { ...count, description: 'Requests that are being made.' },
    failures: { ...count, description: 'Attempts in a row that failed.' },
    failingSince: nullableTime,
    lastSuccessAt: nullableTime,
    pausedUntil: nullableTime,
    nextProbeAt: { ...nullableTime, description: 'While requests are held back: when the next one is made.' },
    disabledAt: nullableTime,
    disabledReason: nullableText,
    missed: { ...count, description: 'Matching events since it was disabled.' },
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

const tlsProperties = {
  cert: { type: 'string', description: 'A client certificate, with its chain.' },
  key: { type: 'string', description: 'Its private key, without a passphrase.' },
  ca: { type: 'string', description: 'Certificate authorities that are trusted for this webhook too.' },
} as const;
const tlsWords =
  'PEM files for the connection, by absolute path on the server. They are read again when they change.';

export const webhookSchema = {
  type: 'object',
  title: 'Webhook',
  description: 'Where events are sent, and which.',
  properties: {
    id: text,
    name: text,
    url: {
      type: 'string',
      description:
        'Keys without the scope `admin` see the origin only: the path of a webhook is often its password.',
    },
    events: { type: 'array', items: text },
    enabled: flag,
    headers: {
      type: 'object',
      additionalProperties: text,
      description:
        'Its own request headers. Values that hold credentials are masked; for keys without the scope `admin`, all are.',
    },
    retryCount: { ...count, description: 'Retries after the first attempt.' },
    retryDelay: { ...count, description: 'Milliseconds before the first retry; doubles with each.' },
    timeout: { ...count, description: 'Milliseconds of one attempt.' },
    ordered: { ...flag, description: 'Events go one by one, in the order of their sequence.' },
    legacySignature: { ...flag, description: 'Whether X-Webhook-Signature is sent too.' },
    description: text,
    tls: {
      type: 'object',
      properties: tlsProperties,
      additionalProperties: false,
      description: `${tlsWords} Keys without the scope \`admin\` do not see it.`,
    },
    signed: { ...flag, description: 'Whether requests are signed.' },
    publicKey: { ...nullableText, description: '`whpk_…` of an ed25519 webhook.' },
    runId: { ...nullableText, description: 'Set while the webhook belongs to one run.' },
    state: webhookStateSchema,
  },
  required: [
    'id',
    'name',
    'url',
    'events',
    'enabled',
    'headers',
    'retryCount',
    'retryDelay',
    'timeout',
    'ordered',
    'legacySignature',
    'description',
    'signed',
    'publicKey',
    'runId',
    'state',
  ],
  additionalProperties: false,
} as const;

const secretProperties = {
  secret: { ...nullableText, description: 'Shown this once; null if requests are not signed.' },
  signingSecret: {
    ...nullableText,
    description: 'The secret as Standard Webhooks libraries take it; `whpk_…` for an ed25519 key.',
  },
} as const;

export const createdWebhookSchema = {
  ...webhookSchema,
  title: 'CreatedWebhook',
  properties: {
    ...webhookSchema.properties,
    ...secretProperties,
    sameUrlAs: {
      type: 'array',
      items: text,
      description:
        'Ids of webhooks that send to the same URL already: events that both want are sent there twice.',
    },
  },
  required: [...webhookSchema.required, 'secret', 'signingSecret'],
} as const;

export const rotatedSecretSchema = {
  type: 'object',
  title: 'RotatedSecret',
  properties: {
    ...secretProperties,
    previousValidUntil: { ...nullableTime, description: 'Until then the old secret signs too.' },
  },
  required: ['secret', 'signingSecret', 'previousValidUntil'],
  additionalProperties: false,
} as const;

const eventNamesSchema = {
  type: 'array',
  items: text,
  description: `Exact names, \`tool.*\` or \`*\` (the default). There are: ${eventTypes.join(', ')}.`,
} as const;

const webhookInputProperties = {
  name: text,
  url: {
    type: 'string',
    description: 'https, to a public address; others only where `allowedTargets` says so.',
  },
  events: eventNamesSchema,
  secret: {
    ...nullableText,
    description: 'Null: requests are not signed. Left out when a webhook is made: one is generated.',
  },
  enabled: flag,
  headers: {
    type: 'object',
    additionalProperties: text,
    description: 'Sent with each request: at most 50, 4 KiB a value, 16 KiB in all.',
  },
  retryCount: { type: 'integer', description: 'Retries after the first attempt; default: 21.' },
  retryDelay: { type: 'integer', description: 'Milliseconds before the first retry; default: 1000.' },
  timeout: { type: 'integer', description: 'Milliseconds of one attempt; default: 15000.' },
  ordered: { ...flag, description: 'Events go one by one, in order; default: false.' },
  legacySignature: { ...flag, description: 'Send X-Webhook-Signature too; default: true.' },
  description: text,
  tls: {
    type: ['object', 'null'],
    properties: tlsProperties,
    additionalProperties: false,
    description: `${tlsWords} \`cert\` and \`key\` go together; null: none.`,
  },
} as const;

export const createWebhookBodySchema = {
  type: 'object',
  title: 'WebhookInput',
  properties: {
    id: { type: 'string', description: 'Default: a new one.' },
    ...webhookInputProperties,
  },
  required: ['url'],
  additionalProperties: false,
} as const;

export const updateWebhookBodySchema = {
  type: 'object',
  title: 'WebhookPatch',
  description:
    'What is left out stays as it is; so does what is given masked (`***`), as the webhook is shown.',
  properties: webhookInputProperties,
  additionalProperties: false,
} as const;

/** `webhook` of `POST /api/prompt`. */
export const runWebhookSchema = {
  type: 'object',
  title: 'RunWebhook',
  description: 'Gets the events of this run, and is gone when they are delivered.',
  properties: {
    url: webhookInputProperties.url,
    events: eventNamesSchema,
    secret: { type: 'string', description: 'Signs the requests; left out: they are not signed.' },
  },
  required: ['url'],
  additionalProperties: false,
} as const;

export const rotateBodySchema = {
  type: 'object',
  properties: { secret: { type: 'string', description: 'The new secret; default: one is generated.' } },
  additionalProperties: false,
} as const;

const pointSchema = { type: ['integer', 'string'] } as const;

export const replayBodySchema = {
  type: 'object',
  properties: {
    after: { ...pointSchema, description: 'A sequence number, or an RFC 3339 time.' },
    before: { ...pointSchema, description: 'Likewise; default: now.' },
    events: { ...eventNamesSchema, description: 'Only these; default: those of the webhook.' },
  },
  required: ['after'],
  additionalProperties: false,
} as const;

export const replayAnswerSchema = {
  type: 'object',
  properties: {
    queued: { ...count, description: 'Deliveries that were made.' },
    skipped: { ...count, description: 'Events that were left out: not kept any more, or still pending.' },
  },
  required: ['queued', 'skipped'],
  additionalProperties: false,
} as const;

export const enableBodySchema = {
  type: 'object',
  properties: {
    replayMissed: { ...flag, description: 'Deliver what was missed while it was disabled; default: false.' },
  },
  additionalProperties: false,
} as const;

export const enableAnswerSchema = {
  type: 'object',
  properties: {
    webhook: webhookSchema,
    queued: { ...count, description: 'Missed events that will be sent.' },
  },
  required: ['webhook', 'queued'],
  additionalProperties: false,
} as const;

export const deliveryStatusSchema = {
  type: 'string',
  enum: ['pending', 'success', 'failed', 'cancelled'],
} as const;

const attemptSchema = {
  type: 'object',
  title: 'DeliveryAttempt',
  description: 'One request that was made, or that could not be made.',
  properties: {
    number: count,
    at: timeSchema,
    durationMs: { type: 'number' },
    outcome: { type: 'string', description: '`success`, or the kind of failure.' },
    statusCode: { type: ['integer', 'null'] },
    message: nullableText,
    location: {
      ...nullableText,
      description: 'Where a redirect would have led; null for keys without the scope `admin`.',
    },
    responseExcerpt: {
      ...nullableText,
      description: 'The first 4 KiB of the answer; null for keys without the scope `admin`.',
    },
    counted: { ...flag, description: 'Whether it spent one of the retries.' },
  },
  required: ['number', 'at', 'durationMs', 'outcome', 'statusCode', 'message', 'responseExcerpt', 'counted'],
  additionalProperties: false,
} as const;

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
    createdAt: timeSchema,
    expiresAt: timeSchema,
    nextAttemptAt: { ...nullableTime, description: 'Null once it has ended.' },
    endedAt: nullableTime,
    reason: { ...nullableText, description: 'Why it waits, or how it ended.' },
    attemptLog: { type: 'array', items: attemptSchema },
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

export const explainedDeliverySchema = {
  ...deliverySchema,
  title: 'ExplainedDelivery',
  properties: {
    ...deliverySchema.properties,
    explanation: {
      type: 'object',
      properties: {
        summary: text,
        nextStep: text,
        curl: {
          ...nullableText,
          description:
            'Sends the same bytes, freshly signed; null when it cannot be made, and for keys without the scope `admin`.',
        },
      },
      required: ['summary', 'nextStep', 'curl'],
      additionalProperties: false,
    },
  },
  required: [...deliverySchema.required, 'explanation'],
} as const;

export const retryFilterSchema = {
  type: 'object',
  properties: {
    webhookId: text,
    event: text,
    since: { ...timeSchema, description: 'Only deliveries made since then.' },
  },
  additionalProperties: false,
} as const;

export const queuedSchema = {
  type: 'object',
  properties: { queued: count },
  required: ['queued'],
  additionalProperties: false,
} as const;
