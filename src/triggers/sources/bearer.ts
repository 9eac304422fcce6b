// Senders that cannot sign: scripts and CI jobs with the secret as a bearer token.

import type { Source } from '../call.ts';
import { firstText, isToken } from './signatures.ts';

export const bearer: Source = {
  verify({ headers }, _config, secrets) {
    const { authorization } = headers;
    if (authorization === undefined) return 'The header Authorization: Bearer SECRET is missing.';
    const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
    return token !== undefined && isToken(token, secrets) ? undefined : 'The bearer token is wrong.';
  },
  proof: () => ['authorization'],
  facts: (payload, { headers }) => ({
    event: firstText(payload, 'type', 'event'),
    deliveryId: headers['idempotency-key'],
  }),
  identities(_payload, { headers }) {
    const key = headers['idempotency-key'];
    return key === undefined ? [] : [`key:${key}`];
  },
};
