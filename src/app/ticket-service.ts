// Stream tickets for all nodes: a ticket that was used stays used until it has expired on every node.

import type { TicketService } from '../http/services.ts';
import type { Ownership } from '../store/ownership.ts';

/** Longer than a ticket is valid, by clocks that may differ. */
const keptMs = 300_000;

/** Undefined if there are no other nodes. */
export async function createTicketService({
  shared,
  tokens,
  secret,
}: Pick<Ownership, 'shared' | 'tokens' | 'secret'>): Promise<TicketService | undefined> {
  if (!shared) return undefined;
  return {
    secret: await secret(),
    take: (digest) => tokens.use(`ticket:${digest}`, keptMs),
  };
}
