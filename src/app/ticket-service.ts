// Stream tickets for all nodes: a ticket that was used is a claim, until it has expired on every node.

import type { TicketService } from '../http/services.ts';
import type { Ownership } from '../store/ownership.ts';

/** Longer than a ticket is valid, by clocks that may differ. */
const keptMs = 300_000;

/** Undefined if there are no other nodes. */
export async function createTicketService({
  shared,
  claims,
  secret,
}: Pick<Ownership, 'shared' | 'claims' | 'secret'>): Promise<TicketService | undefined> {
  if (!shared) return undefined;
  const used = new Set<string>();
  return {
    secret: await secret(),
    async take(digest) {
      // A node may claim again what it holds.
      if (used.has(digest)) return false;
      used.add(digest);
      setTimeout(() => {
        used.delete(digest);
        claims.release(nameOf(digest)).catch(() => undefined); // It ends with this node.
      }, keptMs).unref();
      return claims.claim(nameOf(digest));
    },
  };
}

const nameOf = (digest: string): string => `ticket:${digest}`;
