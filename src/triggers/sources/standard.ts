// Senders that sign by Standard Webhooks 1.0.0, this server's own webhooks among them. The id is signed.

import { verifyWebhook } from '../../webhooks/verify.ts';
import type { Source } from '../call.ts';
import { firstText, staleReason } from './signatures.ts';

export const standard: Source = {
  verify({ headers, body, receivedAt }, _config, secrets) {
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'])
      if (headers[name] === undefined) return `The header ${name} is missing.`;
    if (verifyWebhook(body, headers, secrets, { now: receivedAt })) return undefined;
    return (
      staleReason(headers['webhook-timestamp'], receivedAt) ?? 'The signature (webhook-signature) is wrong.'
    );
  },
  proof: () => ['webhook-signature'],
  facts: (payload, { headers }) => ({
    event: firstText(payload, 'type', 'event'),
    deliveryId: headers['webhook-id'],
  }),
  identities: (_payload, { headers }) => [`id:${headers['webhook-id'] ?? ''}`],
};
