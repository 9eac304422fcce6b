// Proves that a server knows the local key, without revealing it. A client checks the proof before it sends its key, since another program may
// have taken the port. The proof covers the address, port, process and start time, so a proof relayed from another server is invalid.

import { createHmac, timingSafeEqual } from 'node:crypto';

export interface ProofFacts {
  /** Chosen by the client for each connection. */
  readonly challenge: string;
  /** The server's end of the connection, as both sides see it. */
  readonly address: string;
  readonly port: number;
  /** From `server.json`. */
  readonly pid: number;
  readonly startedAt: string;
}

/** Long enough to be unique, and not text of another protocol. */
export const challengePattern = /^[A-Za-z0-9_-]{22,128}$/;

/** HMAC-SHA256 in base64url. */
export function makeProof(key: string, { challenge, address, port, pid, startedAt }: ProofFacts): string {
  const text = ['codebuddy-server-1', challenge, plainAddress(address), port, pid, startedAt].join('\n');
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** Compares in constant time. */
export function isProof(given: string, key: string, facts: ProofFacts): boolean {
  const expected = Buffer.from(makeProof(key, facts));
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** Sockets may name an IPv4 address in its IPv6-mapped form. */
function plainAddress(address: string): string {
  const [withoutZone = ''] = address.toLowerCase().split('%', 1);
  return withoutZone.replace(/^::ffff:(?=\d+\.)/, '');
}
