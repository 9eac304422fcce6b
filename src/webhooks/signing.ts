// Signatures of a request: Standard Webhooks 1.0.0 (`v1` HMAC-SHA256, `v1a` ed25519) and the first version's hex HMAC of the body alone. How a
// receiver checks them is in verify.ts.

import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

export interface Signer {
  /** Header names and values in the contract's order, flat; none without a secret. `timestamp` in Unix seconds. */
  sign(id: string, timestamp: number, body: Uint8Array): readonly string[];
}

export interface SignerOptions {
  readonly secret?: string;
  /** Still valid, newest first. */
  readonly previous: readonly string[];
  readonly legacySignature: boolean;
  /** The receiver knows the previous secret only. */
  readonly swapLegacy: boolean;
}

const none: Signer = { sign: () => [] };

export function createSigner({ secret, previous, legacySignature, swapLegacy }: SignerOptions): Signer {
  if (secret === undefined) return none;
  const standard = [secret, ...previous].map(standardSigner);
  // An ed25519 key is for this side alone: no receiver could check a hex HMAC made with it.
  const legacyKeys = legacySignature
    ? [secret, ...previous].filter((text) => !text.startsWith('whsk_')).map(legacyKey)
    : [];
  const [current, before] = swapLegacy ? [legacyKeys[1], legacyKeys[0]] : [legacyKeys[0], legacyKeys[1]];
  return {
    sign(id, timestamp, body) {
      const prefix = Buffer.from(`${id}.${timestamp}.`);
      const headers = ['webhook-signature', standard.map((one) => one(prefix, body)).join(' ')];
      if (current !== undefined) headers.push('X-Webhook-Signature', hexHmac(current, body));
      if (current !== undefined && before !== undefined)
        headers.push('X-Webhook-Signature-Previous', hexHmac(before, body));
      return headers;
    },
  };
}

type StandardSigner = (prefix: Uint8Array, body: Uint8Array) => string;

function standardSigner(secret: string): StandardSigner {
  if (secret.startsWith('whsk_')) {
    const key = ed25519Key(secret);
    return (prefix, body) => `v1a,${sign(null, Buffer.concat([prefix, body]), key).toString('base64')}`;
  }
  const key = createSecretKey(hmacBytes(secret));
  return (prefix, body) => `v1,${createHmac('sha256', key).update(prefix).update(body).digest('base64')}`;
}

/** The bytes of the secret exactly as configured, prefix and all: that is what an old receiver was given. */
function legacyKey(secret: string): KeyObject {
  return createSecretKey(Buffer.from(secret, 'utf8'));
}

function hexHmac(key: KeyObject, body: Uint8Array): string {
  return createHmac('sha256', key).update(body).digest('hex');
}

function hmacBytes(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
}

/** RFC 8410 §7: a PKCS #8 envelope around a seed of 32 bytes. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519Key(secret: string): KeyObject {
  const seed = Buffer.from(secret.slice('whsk_'.length), 'base64').subarray(0, 32);
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}

function publicBytes(key: KeyObject): Buffer {
  return Buffer.from(String(createPublicKey(key).export({ format: 'jwk' }).x), 'base64url');
}

/** What is wrong with a secret, in words that never repeat it; undefined if nothing is. */
export function checkSecret(secret: unknown): string | undefined {
  if (typeof secret !== 'string') return 'must be text';
  if (secret.startsWith('whpk_'))
    return 'is a public key (whpk_); a private one (whsk_) or a whsec_ secret signs';
  if (secret.startsWith('whsec_')) {
    const bytes = decodeStrictly(secret.slice('whsec_'.length));
    if (typeof bytes === 'string') return `must be whsec_ and base64; ${bytes}`;
    return bytes.length >= 16 && bytes.length <= 64
      ? undefined
      : `must hold 16 to 64 bytes after whsec_; it holds ${bytes.length}`;
  }
  if (secret.startsWith('whsk_')) {
    const bytes = decodeStrictly(secret.slice('whsk_'.length));
    if (typeof bytes === 'string') return `must be whsk_ and base64; ${bytes}`;
    if (bytes.length !== 32 && bytes.length !== 64)
      return `must hold an ed25519 seed of 32 bytes, or seed and public key of 64; it holds ${bytes.length}`;
    if (bytes.length === 64 && !publicBytes(ed25519Key(secret)).equals(bytes.subarray(32)))
      return 'holds a public key that does not belong to its seed';
    return undefined;
  }
  const length = Buffer.byteLength(secret);
  if (length < 8 || length > 4096) return `must have 8 to 4096 bytes; it has ${length}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a secret must not hold.
  return /[\u0000-\u001f\u007f]/.test(secret) ? 'must not hold control characters' : undefined;
}

/** RFC 4648 §4; the fault in words if it is something else. */
function decodeStrictly(text: string): Buffer | string {
  if (/[-_]/.test(text)) return 'it is base64url (with - or _)';
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  return bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')
    ? 'its padding (=) is wrong'
    : 'it has characters that are not base64';
}

/** Worth a word although it is allowed. */
export function warningFor(secret: string): string | undefined {
  if (secret.startsWith('whsk_')) return undefined;
  const { length } = hmacBytes(secret);
  return length < 24 ? `The secret has ${length} bytes; Standard Webhooks asks for 24 to 64.` : undefined;
}

/** A new one: `whsec_` and 32 random bytes. */
export function generateSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/**
 * The secret as the common libraries take it. They read a plain one as base64 or refuse it, so it is spelled `whsec_`; of a `whsk_` key
 * receivers get the public half.
 */
export function signingSecretOf(secret: string): string {
  return publicKeyOf(secret) ?? `whsec_${hmacBytes(secret).toString('base64')}`;
}

/** `whpk_…` of a `whsk_` key; null for others. */
export function publicKeyOf(secret: string): string | null {
  if (!secret.startsWith('whsk_')) return null;
  return `whpk_${publicBytes(ed25519Key(secret)).toString('base64')}`;
}
