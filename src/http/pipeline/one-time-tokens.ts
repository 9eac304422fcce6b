// One-time tokens: each stands for the caller that created it, once, within a minute. Stream tickets open a stream for
// `EventSource`, which cannot send headers; sign-in codes sign a browser in. An API key in a URL would end up in logs and
// histories. Only digests are kept, in memory. shared-one-time-tokens.ts has those that several nodes accept.

import { createHash, randomBytes } from 'node:crypto';
import type { Identity } from './request-facts.ts';

export interface OneTimeTokens {
  /** Creates a token. `expiresAt` in Unix ms. */
  issue(identity: Identity): { readonly token: string; readonly expiresAt: number };
  /** The identity that created the token, with its current scopes. Undefined if it is unknown, used or expired. */
  ownerOf(token: string): Identity | undefined;
  /** Uses the token up. False if it is not valid: of two requests with one token, one gets what it stands for. */
  take(token: string): boolean | Promise<boolean>;
}

export interface OneTimeTokenOptions {
  /** The beginning of each token: `tkt_` */
  readonly prefix: string;
  /** The identity with its current scopes; undefined if the key was revoked. */
  readonly current: (identity: Identity) => Identity | undefined;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

export const tokenLifetimeMs = 60_000;
/** Unused tokens per key. Any more replace the oldest. */
const maxTokensPerKey = 100;

interface Known {
  readonly identity: Identity;
  readonly expiresAt: number;
}

export function makeOneTimeTokens({ prefix, current, now = Date.now }: OneTimeTokenOptions): OneTimeTokens {
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
    for (const [digest] of own.slice(0, Math.max(0, own.length - maxTokensPerKey + 1))) known.delete(digest);
  }

  function find(token: string): Known | undefined {
    const found = known.get(digestOf(token));
    return found === undefined || found.expiresAt <= now() ? undefined : found;
  }

  return {
    issue(identity) {
      dropExpired();
      makeRoom(identity.keyId);
      const token = `${prefix}${randomBytes(32).toString('base64url')}`;
      const expiresAt = now() + tokenLifetimeMs;
      known.set(digestOf(token), { identity, expiresAt });
      return { token, expiresAt };
    },
    ownerOf(token) {
      const found = find(token);
      return found === undefined ? undefined : current(found.identity);
    },
    take(token) {
      return find(token) !== undefined && known.delete(digestOf(token));
    },
  };
}

/** Tokens are looked up by digest, so the time of a lookup reveals nothing about them. */
function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
