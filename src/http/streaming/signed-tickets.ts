// Stream tickets that every node of a database accepts: the ticket has its identity and end, signed with a secret that
// only the nodes know. A use is recorded for all nodes, so that a ticket opens one stream.

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isRecord } from '../../base/is-record.ts';
import { scopes as allScopes, type Scope } from '../../contract/api-key.ts';
import type { Identity } from '../pipeline/request-facts.ts';
import type { TicketService } from '../services.ts';
import { type StreamTickets, ticketLifetimeMs } from './stream-tickets.ts';

export interface SignedTicketOptions {
  readonly shared: TicketService;
  readonly current: (identity: Identity) => Identity | undefined;
  readonly now?: () => number;
}

const form = /^tkt_([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})$/;

export function makeSignedTickets({ shared, current, now = Date.now }: SignedTicketOptions): StreamTickets {
  const key = createHash('sha256').update(`stream-tickets ${shared.secret}`).digest();
  const sign = (content: string): Buffer => createHmac('sha256', key).update(content).digest();

  function read(ticket: string): Identity | undefined {
    const [, content, signature] = form.exec(ticket) ?? [];
    if (content === undefined || signature === undefined) return undefined;
    if (!timingSafeEqual(sign(content), Buffer.from(signature, 'base64url'))) return undefined;
    // Written by `issue` of a node, perhaps of another release.
    const value: unknown = JSON.parse(Buffer.from(content, 'base64url').toString());
    if (!isRecord(value)) return undefined;
    const { keyId, scopes, expiresAt } = value;
    if (typeof expiresAt !== 'number' || expiresAt <= now()) return undefined;
    if ((keyId !== null && typeof keyId !== 'string') || !Array.isArray(scopes)) return undefined;
    return { keyId, scopes: allScopes.filter((scope) => scopes.includes(scope)) };
  }

  return {
    issue({ keyId, scopes }) {
      const expiresAt = now() + ticketLifetimeMs;
      const nonce = randomBytes(16).toString('base64url');
      const value: { keyId: string | null; scopes: readonly Scope[]; expiresAt: number; nonce: string } = {
        keyId,
        scopes,
        expiresAt,
        nonce,
      };
      const content = Buffer.from(JSON.stringify(value)).toString('base64url');
      return { ticket: `tkt_${content}.${sign(content).toString('base64url')}`, expiresAt };
    },
    ownerOf(ticket) {
      const identity = read(ticket);
      return identity && current(identity);
    },
    async take(ticket) {
      if (read(ticket) === undefined) return false;
      return shared.take(createHash('sha256').update(ticket).digest('base64url'));
    },
  };
}
