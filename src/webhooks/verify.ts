// For receivers: verifies that a request comes from the sender that has the secret. Every request has two signatures:
// Standard Webhooks (`webhook-signature`) and the first version's hex form (`X-Webhook-Signature`). Nothing here throws
// for received data, and every comparison takes constant time.

import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';

/** Request headers: those of `node:http`, a `Headers` object, or a plain object with names in any case. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyWebhookOptions {
  /** The permitted distance of `webhook-timestamp` from now, in seconds, both ways. @default 300 */
  readonly toleranceSeconds?: number;
  /** The current time in Unix milliseconds. @default Date.now() */
  readonly now?: number;
}

/**
 * Verify a signature of the first version: the lower-case hex HMAC-SHA256 of the raw body, keyed with the UTF-8 bytes
 * of the secret as configured. It covers only the body, so a request can be replayed: prefer {@link verifyWebhook}.
 *
 * @returns false for malformed input; it never throws
 */
export function verifySignature(payload: string | Uint8Array, signature: unknown, secret: unknown): boolean {
  if (typeof signature !== 'string' || !/^[0-9a-f]{64}$/.test(signature)) return false;
  if (typeof secret !== 'string' || secret === '') return false;
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return false;
  return timingSafeEqual(
    Buffer.from(signature, 'hex'),
    createHmac('sha256', Buffer.from(secret, 'utf8')).update(payload).digest(),
  );
}

/**
 * Verify a request by Standard Webhooks 1.0.0: `v1` (HMAC-SHA256) with `whsec_…` or plain secrets, `v1a` (ed25519) with
 * `whpk_…` keys. Pass the raw bytes of the body, not parsed JSON. Of several secrets one must match, as during a
 * rotation.
 *
 * @returns true if a signature matches and the timestamp is within the tolerance; it never throws
 */
export function verifyWebhook(
  rawBody: string | Uint8Array,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  options: VerifyWebhookOptions = {},
): boolean {
  const id = readHeader(headers, 'webhook-id');
  const timestamp = readHeader(headers, 'webhook-timestamp');
  const signatures = readHeader(headers, 'webhook-signature');
  if (id === undefined || timestamp === undefined || signatures === undefined) return false;
  if (id === '' || id.includes('.') || !/^[0-9]{1,12}$/.test(timestamp)) return false;

  const now = Math.floor((options.now ?? Date.now()) / 1000);
  if (!(Math.abs(now - Number(timestamp)) <= (options.toleranceSeconds ?? 300))) return false;

  const signed = Buffer.concat([
    Buffer.from(`${id}.${timestamp}.`, 'utf8'),
    Buffer.from(rawBody as Uint8Array),
  ]);
  const list = signatures.split(' ').filter((part) => part !== '');
  return (typeof secrets === 'string' ? [secrets] : secrets).some((secret) => {
    const matches = matcherFor(secret, signed);
    return matches !== undefined && list.some(matches);
  });
}

/** Returns a function that verifies one entry of the list with this secret; undefined if the secret is invalid. */
function matcherFor(secret: string, signed: Buffer): ((entry: string) => boolean) | undefined {
  if (secret.startsWith('whpk_')) {
    const bytes = decodeBase64(secret.slice('whpk_'.length));
    if (bytes?.length !== 32) return undefined;
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') },
      format: 'jwk',
    });
    return (entry) => {
      const signature = entry.startsWith('v1a,') ? decodeBase64(entry.slice('v1a,'.length)) : undefined;
      return signature?.length === 64 && verify(null, signed, key, signature);
    };
  }
  const key = secret.startsWith('whsec_')
    ? decodeBase64(secret.slice('whsec_'.length))
    : Buffer.from(secret, 'utf8');
  if (key === undefined || key.length === 0) return undefined;
  const expected = createHmac('sha256', key).update(signed).digest();
  return (entry) => {
    const signature = entry.startsWith('v1,') ? decodeBase64(entry.slice('v1,'.length)) : undefined;
    return signature?.length === expected.length && timingSafeEqual(signature, expected);
  };
}

/** Strict base64 (RFC 4648 §4): Buffer would skip invalid characters. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function readHeader(headers: WebhookHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function')
    return (headers.get as (name: string) => string | null)(name) ?? undefined;
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === name) return typeof value === 'string' ? value : undefined;
  }
  return undefined;
}
