// The sign-in of a browser: a cookie that no script can read, and a CSRF token that the page sends with each request. A
// cookie is sent to every port of its host, and so to other programs on this machine; without the token, which only
// pages of this origin have, it opens nothing. Both are derived from a secret, so a sign-in survives a restart.

import { timingSafeEqual } from 'node:crypto';
import type { Identity } from '../pipeline/request-facts.ts';
import { makeIdentitySigner } from '../pipeline/signed-identity.ts';

export interface SignIn {
  /** The value of the header `Set-Cookie`. */
  readonly setCookie: string;
  readonly csrfToken: string;
  /** Unix ms. */
  readonly expiresAt: number;
}

export interface SignInCookies {
  /** `host`: the header `Host` of the request; `isSecure`: the page was loaded over HTTPS. */
  signIn(identity: Identity, host: string, isSecure: boolean): SignIn;
  /** The value of `Set-Cookie` that removes the cookie. */
  signOut(host: string, isSecure: boolean): string;
  /** Undefined if the cookie or the token is missing, wrong or expired, or the key was revoked. */
  identify(cookies: string, csrfToken: string, host: string): Identity | undefined;
}

export interface SignInCookieOptions {
  readonly secret: string;
  /** The identity with its current scopes; undefined if the key was revoked. */
  readonly current: (identity: Identity) => Identity | undefined;
  /** Unix ms. @default Date.now */
  readonly now?: () => number;
}

const lifetimeMs = 7 * 24 * 3_600_000;

export function makeSignInCookies({ secret, current, now = Date.now }: SignInCookieOptions): SignInCookies {
  const signer = makeIdentitySigner({ secret, purpose: 'sign-in', now });

  function cookie(host: string, isSecure: boolean, value: string, maxAge: number): string {
    const secure = isSecure ? '; Secure' : '';
    return `${cookieName(host)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
  }

  return {
    signIn(identity, host, isSecure) {
      const expiresAt = now() + lifetimeMs;
      const value = signer.sign(identity, expiresAt);
      const setCookie = cookie(host, isSecure, value, lifetimeMs / 1000);
      return { setCookie, csrfToken: signer.code(value), expiresAt };
    },
    signOut: (host, isSecure) => cookie(host, isSecure, '', 0),
    identify(cookies, csrfToken, host) {
      const value = cookieValue(cookies, cookieName(host));
      if (value === undefined) return undefined;
      const expected = Buffer.from(signer.code(value));
      const given = Buffer.from(csrfToken);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
      const found = signer.read(value);
      const identity = found && current({ keyId: found.keyId, scopes: found.scopes });
      return identity && { ...identity, signedInUntil: found.expiresAt };
    },
  };
}

/** With the port, because servers on other ports of the host share its cookies. */
function cookieName(host: string): string {
  const [, port] = /:(\d+)$/.exec(host) ?? [];
  return port === undefined ? 'codebuddy_sign_in' : `codebuddy_sign_in_${port}`;
}

function cookieValue(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const start = pair.indexOf('=');
    if (start > 0 && pair.slice(0, start).trim() === name) return pair.slice(start + 1).trim();
  }
  return undefined;
}
