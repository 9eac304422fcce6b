// The client certificate of a webhook, and certificate authorities that are trusted for it.

import type { SchemaType } from './schema-type.ts';

export const webhookTlsSchema = {
  type: 'object',
  properties: {
    cert: { type: 'string', description: 'A client certificate, with its chain.' },
    key: { type: 'string', description: 'Its private key, without a passphrase.' },
    ca: { type: 'string', description: 'Certificate authorities that are also trusted for this webhook.' },
  },
  additionalProperties: false,
  description:
    'PEM files for the connection, as absolute paths on the server. They are read again when they change.',
} as const;

export type WebhookTls = SchemaType<typeof webhookTlsSchema>;
