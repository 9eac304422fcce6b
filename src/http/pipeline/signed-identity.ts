// A caller's identity as signed text, for tokens that a server must accept without having kept them: after a restart,
// or because another node created them.

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isRecord } from '../../base/is-record.ts';
import { scopes as allScopes } from '../../contract/api-key.ts';
import type { Identity } from './request-facts.ts';

export interface IdentitySigner {
  /** The identity as text: letters, digits, `-`, `_` and one `.`. It is different each time. `expiresAt` in Unix ms. */
  sign(identity: Identity, expiresAt: number): string;
  /** Undefined unless this signer, or one with the same secret and purpose, has signed the text, and it is still valid. */
  read(text: string): (Identity & { readonly expiresAt: number }) | undefined;
  /** A code that only a holder of the secret can derive from `text`. */
  code(text: string): string;
}

export interface IdentitySignerOptions {
  readonly secret: string;
  /** Text that was signed for one purpose is not valid for another. */
  readonly purpose: string;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

const form = /^([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})$/;

export function makeIdentitySigner({
  secret,
  purpose,
  now = Date.now,
}: IdentitySignerOptions): IdentitySigner {
  const key = createHash('sha256').update(`${purpose} ${secret}`).digest();
  const digest = (content: string): Buffer => createHmac('sha256', key).update(content).digest();

  return {
    sign({ keyId, scopes }, expiresAt) {
      const nonce = randomBytes(16).toString('base64url');
      const value = { keyId, scopes, expiresAt, nonce };
      const content = Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${content}.${digest(content).toString('base64url')}`;
    },
    read(text) {
      const [, content, signature] = form.exec(text) ?? [];
      if (content === undefined || signature === undefined) return undefined;
      if (!timingSafeEqual(digest(content), Buffer.from(signature, 'base64url'))) return undefined;
      // Written by `sign`, perhaps of another release.
      const value: unknown = JSON.parse(Buffer.from(content, 'base64url').toString());
      if (!isRecord(value)) return undefined;
      const { keyId, scopes, expiresAt } = value;
      if (typeof expiresAt !== 'number' || expiresAt <= now()) return undefined;
      if ((keyId !== null && typeof keyId !== 'string') || !Array.isArray(scopes)) return undefined;
      return { keyId, scopes: allScopes.filter((scope) => scopes.includes(scope)), expiresAt };
    },
    code: (text) => digest(`code ${text}`).toString('base64url'),
  };
}
