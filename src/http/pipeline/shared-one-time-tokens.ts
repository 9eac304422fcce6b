// One-time tokens that every node of a database accepts: the token has its identity and end, signed with a secret that
// only the nodes know. A use is recorded for all nodes, so that a token is used once.

import { createHash } from 'node:crypto';
import type { SharedTokens } from '../services.ts';
import { type OneTimeTokenOptions, type OneTimeTokens, tokenLifetimeMs } from './one-time-tokens.ts';
import type { Identity } from './request-facts.ts';
import { makeIdentitySigner } from './signed-identity.ts';

export function makeSharedOneTimeTokens({
  prefix,
  shared,
  current,
  now = Date.now,
}: OneTimeTokenOptions & { readonly shared: SharedTokens }): OneTimeTokens {
  const signer = makeIdentitySigner({ secret: shared.secret, purpose: prefix, now });

  function read(token: string): Identity | undefined {
    if (!token.startsWith(prefix)) return undefined;
    const found = signer.read(token.slice(prefix.length));
    return found && { keyId: found.keyId, scopes: found.scopes };
  }

  return {
    issue(identity) {
      const expiresAt = now() + tokenLifetimeMs;
      return { token: `${prefix}${signer.sign(identity, expiresAt)}`, expiresAt };
    },
    ownerOf(token) {
      const identity = read(token);
      return identity && current(identity);
    },
    async take(token) {
      if (read(token) === undefined) return false;
      return shared.take(createHash('sha256').update(token).digest('base64url'));
    },
  };
}
