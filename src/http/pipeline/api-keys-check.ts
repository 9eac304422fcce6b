// Authentication: finds the identity of an API key. Keys of the configuration have every scope, keys of the key service
// their own. Only SHA-256 digests are kept, and they are compared in constant time, so neither memory dumps nor timing
// reveal a key.

import { timingSafeEqual } from 'node:crypto';
import { keyDigest } from '../../base/key-digest.ts';
import { scopes } from '../../contract/api-key.ts';
import type { KeyService, VerifiedKey } from '../services.ts';
import type { Identity } from './request-facts.ts';

/** Longer keys are wrong without being compared. */
const maxKeyLength = 512;

export type KeyVerdict =
  | { readonly kind: 'known'; readonly identity: Identity }
  | { readonly kind: 'missing' }
  /** `fingerprint` distinguishes wrong keys without storing them. */
  | { readonly kind: 'wrong'; readonly fingerprint: string };

const openIdentity: Identity = { keyId: null, scopes };
const open: KeyVerdict = { kind: 'known', identity: openIdentity };
const missing: KeyVerdict = { kind: 'missing' };

/** Creates the check. @throws TypeError for a configured key that no client could send */
export function makeKeyCheck(
  configuredKeys: readonly string[],
  service: KeyService | undefined,
): (apiKey: string | undefined, authorization: string | undefined) => KeyVerdict {
  for (const key of configuredKeys) {
    if (!/^[\x21-\x7e]+$/.test(key) || key.length > maxKeyLength) {
      throw new TypeError(`apiKey must be 1 to ${maxKeyLength} printable ASCII characters without spaces`);
    }
  }
  const digests = configuredKeys.map((key) => keyDigest(key));
  const verdicts = digests.map((_digest, index): KeyVerdict => {
    // Each key has its own id: answers, streams and connections are counted by it.
    const keyId = index === 0 ? 'configured' : `configured-${index + 1}`;
    return { kind: 'known', identity: { keyId, scopes } };
  });
  if (digests.length === 0 && service === undefined) return () => open;

  return (apiKey, authorization) => {
    const key = apiKey ?? (authorization === undefined ? undefined : keyOfAuthorization(authorization));
    if (key === undefined || key === '') return missing;
    if (key.length > maxKeyLength) return { kind: 'wrong', fingerprint: 'too long' };
    if (digests.length > 0) {
      const digest = keyDigest(key);
      // Compare with every key: the time must not reveal which one was nearly right.
      let configured: KeyVerdict | undefined;
      for (const [index, known] of digests.entries())
        if (timingSafeEqual(known, digest)) configured = verdicts[index];
      if (configured !== undefined) return configured;
    }
    const identity = service?.verify(key);
    if (identity !== undefined) {
      return { kind: 'known', identity: identityOf(identity) };
    }
    return { kind: 'wrong', fingerprint: keyDigest(key).toString('base64', 0, 9) };
  };
}

/** The identity with the scopes that its key has now; undefined if the key was revoked. */
export function currentIdentity(identity: Identity, service: KeyService | undefined): Identity | undefined {
  const { keyId } = identity;
  if (keyId === null || isConfigured(keyId) || service?.find === undefined) return identity;
  const key = service.find(keyId);
  return key === undefined ? undefined : identityOf(key);
}

function identityOf({ id, scopes: granted, rates }: VerifiedKey): Identity {
  return rates === undefined ? { keyId: id, scopes: granted } : { keyId: id, scopes: granted, rates };
}

function isConfigured(keyId: string): boolean {
  return keyId === 'configured' || keyId.startsWith('configured-');
}

/** `Bearer KEY`, or the bare `KEY` of the first version of this API. */
function keyOfAuthorization(value: string): string {
  if (value.length >= 6 && value.slice(0, 6).toLowerCase() === 'bearer') {
    if (value.length === 6) return '';
    if (value.charCodeAt(6) === 32) return value.slice(7).trim();
  }
  return value;
}
