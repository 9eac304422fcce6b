// Stream tickets: `EventSource` cannot send headers, and an API key in a URL would end up in logs and histories. A
// ticket opens one stream within 60 s, with the scopes of the key that created it. Only digests are kept, in memory.
// signed-tickets.ts has those that several nodes accept.

import { createHash, randomBytes } from 'node:crypto';
import type { Identity } from '../pipeline/request-facts.ts';

export interface StreamTickets {
  /** Creates a ticket. `expiresAt` in Unix ms. */
  issue(identity: Identity): { readonly ticket: string; readonly expiresAt: number };
  /**
   * The identity that created the ticket, with its current scopes. Undefined if the ticket is unknown, used or expired.
   */
  ownerOf(ticket: string): Identity | undefined;
  /** Uses the ticket up. False if it is not valid: of two requests with one ticket, one gets the stream. */
  take(ticket: string): boolean | Promise<boolean>;
}

export interface StreamTicketOptions {
  /** The identity with its current scopes; undefined if the key was revoked. */
  readonly current: (identity: Identity) => Identity | undefined;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

export const ticketLifetimeMs = 60_000;
/** Unused tickets per key. Any more replace the oldest. */
const maxTicketsPerKey = 100;

interface Known {
  readonly identity: Identity;
  readonly expiresAt: number;
}

export function makeStreamTickets({ current, now = Date.now }: StreamTicketOptions): StreamTickets {
  /** By digest, oldest first. */
  const known = new Map<string, Known>();

  function dropExpired(): void {
    for (const [digest, { expiresAt }] of known) {
      if (expiresAt > now()) return;
      known.delete(digest);
    }
  }

  function makeRoom(keyId: string | null): void {
    const own = [...known].filter(([, { identity }]) => identity.keyId === keyId);
    for (const [digest] of own.slice(0, Math.max(0, own.length - maxTicketsPerKey + 1))) known.delete(digest);
  }

  function find(ticket: string): Known | undefined {
    const found = known.get(digestOf(ticket));
    return found === undefined || found.expiresAt <= now() ? undefined : found;
  }

  return {
    issue(identity) {
      dropExpired();
      makeRoom(identity.keyId);
      const ticket = `tkt_${randomBytes(32).toString('base64url')}`;
      const expiresAt = now() + ticketLifetimeMs;
      known.set(digestOf(ticket), { identity, expiresAt });
      return { ticket, expiresAt };
    },
    ownerOf(ticket) {
      const found = find(ticket);
      return found === undefined ? undefined : current(found.identity);
    },
    take(ticket) {
      return find(ticket) !== undefined && known.delete(digestOf(ticket));
    },
  };
}

/** Tickets are looked up by digest, so the time of a lookup reveals nothing about them. */
function digestOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('base64');
}

/** The ticket in a request target; undefined unless there is exactly one. */
export function ticketOf(url: string): string | undefined {
  const start = url.indexOf('?');
  if (start < 0 || !url.includes('ticket=', start)) return undefined;
  const given = new URLSearchParams(url.slice(start)).getAll('ticket');
  return given.length === 1 && given[0] !== '' ? given[0] : undefined;
}
