// An API key: its name, its scopes, and the key itself, which is shown once.

import { text, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const scopes = ['read', 'prompt', 'tools', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export const scopeSchema = {
  type: 'string',
  enum: scopes,
  description: 'A permission of a key. No scope includes another.',
} as const;

const perMinute = { type: 'integer', minimum: 1, maximum: 1_000_000 } as const;
const limitProperties = {
  requestsPerMinute: {
    ...perMinute,
    description: 'Requests per minute. A stream is one request, for as long as it is open.',
  },
  promptsPerMinute: {
    ...perMinute,
    description: 'Prompts per minute: started and resumed runs.',
  },
} as const;

/** What a key may use per minute. */
export const keyLimitsSchema = {
  type: 'object',
  title: 'KeyLimits',
  description: 'What the key may use per minute. A limit that is left out does not apply.',
  properties: limitProperties,
  additionalProperties: false,
} as const;

export type KeyLimits = SchemaType<typeof keyLimitsSchema>;

export const apiKeySchema = {
  type: 'object',
  title: 'ApiKey',
  properties: {
    id: text,
    name: text,
    scopes: { type: 'array', items: scopeSchema },
    limits: keyLimitsSchema,
    createdAt: time,
  },
  required: ['id', 'name', 'scopes', 'limits', 'createdAt'],
  additionalProperties: false,
} as const;

export type ApiKey = SchemaType<typeof apiKeySchema>;

export const createdApiKeySchema = {
  ...apiKeySchema,
  title: 'CreatedApiKey',
  properties: {
    ...apiKeySchema.properties,
    key: { type: 'string', description: 'The key itself. It is shown only once.' },
  },
  required: [...apiKeySchema.required, 'key'],
} as const;

export type CreatedApiKey = SchemaType<typeof createdApiKeySchema>;

/** The body of `POST /api/keys`. */
export const apiKeyInputSchema = {
  type: 'object',
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 100,
      description: 'Distinguishes the key from other keys.',
    },
    scopes: { type: 'array', items: scopeSchema, minItems: 1, uniqueItems: true },
    limits: keyLimitsSchema,
  },
  required: ['name', 'scopes'],
  additionalProperties: false,
} as const;

export type ApiKeyInput = SchemaType<typeof apiKeyInputSchema>;

/** The body of `PATCH /api/keys/{id}`. */
export const apiKeyPatchSchema = {
  type: 'object',
  properties: {
    limits: {
      type: 'object',
      description: 'Limits that are left out stay as they are; `null` removes a limit.',
      properties: {
        requestsPerMinute: { ...limitProperties.requestsPerMinute, type: ['integer', 'null'] },
        promptsPerMinute: { ...limitProperties.promptsPerMinute, type: ['integer', 'null'] },
      },
      minProperties: 1,
      additionalProperties: false,
    },
  },
  required: ['limits'],
  additionalProperties: false,
} as const;

export type ApiKeyPatch = SchemaType<typeof apiKeyPatchSchema>;

/** The identity of a caller: its key and the key's scopes. */
export type KeyIdentity = Pick<ApiKey, 'id' | 'scopes'>;
