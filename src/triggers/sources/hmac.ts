// Senders that sign the body with HMAC in a way of their own, such as Linear: the header and the form are configured.

import type { CallRequest, Source } from '../call.ts';
import { valueAt } from '../template.ts';
import type { TriggerConfig } from '../trigger-config.ts';
import { digest, isSigned, staleReason, textAt } from './signatures.ts';

type Rules = NonNullable<TriggerConfig['signature']>;

export const defaultSignatureHeader = 'X-Signature';

function timeHeader({ headers }: CallRequest, { timestampHeader }: Rules): string | undefined {
  return timestampHeader === undefined ? undefined : headers[timestampHeader.toLowerCase()];
}

export const hmac: Source = {
  verify(request, { signature: rules = {} }, secrets) {
    const { header = defaultSignatureHeader, prefix = '', algorithm = 'sha256', encoding = 'hex' } = rules;
    const signature = request.headers[header.toLowerCase()];
    if (signature === undefined) return `The header ${header} is missing.`;
    const time = timeHeader(request, rules);
    if (rules.timestampHeader !== undefined) {
      const stale = staleReason(time, request.receivedAt);
      if (stale !== undefined) return stale;
    }
    const signed = time === undefined ? [request.body] : [`${time}.`, request.body];
    if (
      signature.startsWith(prefix) &&
      isSigned(signature.slice(prefix.length), signed, secrets, { algorithm, encoding })
    )
      return undefined;
    return `The signature (${header}) is wrong.`;
  },
  proof: ({ signature: { header = defaultSignatureHeader } = {} }) => [header.toLowerCase()],
  facts(payload, { headers }, { signature: { eventField = 'type' } = {} }) {
    const action = eventField === 'type' ? textAt(payload, 'action') : undefined;
    const event = textAt(payload, eventField);
    return {
      event: event === undefined || action === undefined ? event : `${event}.${action}`,
      deliveryId: headers['webhook-id'] ?? headers['idempotency-key'] ?? headers['linear-delivery'],
    };
  },
  identities(payload, request, { signature: rules = {} }) {
    const { identityField } = rules;
    const id = identityField === undefined ? undefined : valueAt(payload, identityField);
    if (id !== undefined) return [`field:${typeof id === 'string' ? id : JSON.stringify(id)}`];
    return [`body:${digest(timeHeader(request, rules) ?? '', request.body)}`];
  },
  isStale(payload, { receivedAt }, { signature: { timestampField } = {} }) {
    return timestampField === undefined
      ? undefined
      : staleReason(valueAt(payload, timestampField), receivedAt);
  },
};
