// How a server shows that it knows the local key without giving it away, so that a client sends its key to no other program that has taken the
// port since. The proof names the address, the port, the process and its start: passed on from another server it is worth nothing.

import { createHmac, timingSafeEqual } from 'node:crypto';

export interface ProofFacts {
  /** Of the client, new for each connection. */
  readonly challenge: string;
  /** Where the connection ends, as both sides of it see it. */
  readonly address: string;
  readonly port: number;
  /** As `server.json` says. */
  readonly pid: number;
  readonly startedAt: string;
}

/** Long enough that none comes twice, and no text of another protocol. */
export const challengePattern = /^[A-Za-z0-9_-]{22,128}$/;

/** HMAC-SHA256 in base64url. */
export function makeProof(key: string, { challenge, address, port, pid, startedAt }: ProofFacts): string {
  const text = ['codebuddy-server-1', challenge, plainAddress(address), port, pid, startedAt].join('\n');
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** In constant time. */
export function isProof(given: string, key: string, facts: ProofFacts): boolean {
  const expected = Buffer.from(makeProof(key, facts));
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** One spelling for an IPv4 address, however the socket names it. */
function plainAddress(address: string): string {
  const [withoutZone = ''] = address.toLowerCase().split('%', 1);
  return withoutZone.replace(/^::ffff:(?=\d+\.)/, '');
}
