// One-time tokens for all nodes: a token that was used stays used until it has expired on every node.

import type { SharedTokens } from '../http/services.ts';
import type { Ownership } from '../store/ownership.ts';

/** Longer than a token is valid, by clocks that may differ. */
const keptMs = 300_000;

/** Undefined if there are no other nodes. */
export async function createSharedTokens({
  shared,
  tokens,
  secret,
}: Pick<Ownership, 'shared' | 'tokens' | 'secret'>): Promise<SharedTokens | undefined> {
  if (!shared) return undefined;
  return {
    secret: await secret(),
    // Earlier releases use this name too: with nodes of both, a token is still used only once.
    take: (digest) => tokens.use(`ticket:${digest}`, keptMs),
  };
}
