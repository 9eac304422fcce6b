// The sign-in of a browser.

import { scopeSchema } from './api-key.ts';
import { nullableText, nullableTime, time } from './primitives.ts';
import type { SchemaType } from './schema-type.ts';

export const callerSchema = {
  type: 'object',
  title: 'Caller',
  properties: {
    keyId: { ...nullableText, description: 'The API key of the caller; null on a server without keys.' },
    scopes: { type: 'array', items: scopeSchema, description: 'What the caller may do now.' },
    expiresAt: { ...nullableTime, description: 'When the sign-in ends; null for a caller with a key.' },
  },
  required: ['keyId', 'scopes', 'expiresAt'],
  additionalProperties: false,
} as const;

/** Who makes the request, and what it may do. */
export type Caller = SchemaType<typeof callerSchema>;

export const signInSchema = {
  ...callerSchema,
  title: 'SignIn',
  properties: {
    ...callerSchema.properties,
    expiresAt: { ...time, description: 'When the sign-in ends.' },
    csrfToken: {
      type: 'string',
      description: 'Send it as `X-CSRF-Token` with each request. The cookie alone opens nothing.',
    },
  },
  required: [...callerSchema.required, 'csrfToken'],
} as const;

export const signInCodeSchema = {
  type: 'object',
  title: 'SignInCode',
  properties: {
    code: { type: 'string', description: 'Signs one browser in. It is shown only once.' },
    expiresAt: time,
  },
  required: ['code', 'expiresAt'],
  additionalProperties: false,
} as const;
