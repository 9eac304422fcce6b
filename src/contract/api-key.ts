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

export const apiKeySchema = {
  type: 'object',
  title: 'ApiKey',
  properties: { id: text, name: text, scopes: { type: 'array', items: scopeSchema }, createdAt: time },
  required: ['id', 'name', 'scopes', 'createdAt'],
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
  },
  required: ['name', 'scopes'],
  additionalProperties: false,
} as const;

export type ApiKeyInput = SchemaType<typeof apiKeyInputSchema>;

/** The identity of a caller: its key and the key's scopes. */
export type KeyIdentity = Pick<ApiKey, 'id' | 'scopes'>;
