// Verifies `v1a` of Standard Webhooks in the browser.

import type { DeliveryRequest } from '../../../src/client/web.ts';

export type Verification = 'valid' | 'invalid' | 'unsupported' | 'no_key';

export async function verifyEd25519(
  { headers, body }: DeliveryRequest,
  publicKey: string | null,
): Promise<Verification> {
  if (publicKey === null) return 'no_key';
  // Absent outside of HTTPS and loopback.
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) return 'unsupported';
  const signed = new TextEncoder().encode(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
  let key: CryptoKey;
  try {
    key = await subtle.importKey('raw', bytesOf(publicKey.replace(/^whpk_/, '')), 'Ed25519', false, [
      'verify',
    ]);
  } catch {
    return 'unsupported';
  }
  // Two during a rotation.
  for (const one of (headers['webhook-signature'] ?? '').split(' ')) {
    if (!one.startsWith('v1a,')) continue;
    if (await subtle.verify('Ed25519', key, bytesOf(one.slice('v1a,'.length)), signed)) return 'valid';
  }
  return 'invalid';
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
