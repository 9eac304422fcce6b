// Verification of webhook requests in a receiver.

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { verifySignature, verifyWebhook } from '../../src/api/webhooks.ts';

const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;
const body = '{"type":"webhook.test","data":{"text":"grüße 🐙"}}';
const now = 1_795_000_000_000;

function standardHeaders(at = now, key = secret, payload = body): Record<string, string> {
  const date = new Date(at);
  return {
    'webhook-id': 'evt_01TEST00000000000000000000',
    'webhook-timestamp': String(Math.floor(at / 1000)),
    'webhook-signature': new Webhook(key).sign('evt_01TEST00000000000000000000', date, payload),
  };
}

describe('verifyWebhook', () => {
  test('accepts what the standardwebhooks package signs', () => {
    expect(verifyWebhook(body, standardHeaders(), secret, { now })).toBe(true);
    expect(verifyWebhook(Buffer.from(body), standardHeaders(), secret, { now })).toBe(true);
    expect(verifyWebhook(body, new Headers(standardHeaders()), secret, { now })).toBe(true);
  });

  test('reads header names in any case', () => {
    const headers = Object.fromEntries(
      Object.entries(standardHeaders()).map(([name, value]) => [name.toUpperCase(), value]),
    );
    expect(verifyWebhook(body, headers, secret, { now })).toBe(true);
  });

  test('accepts a plain secret by its UTF-8 bytes', () => {
    const plain = 'mysecretpassword';
    const headers = standardHeaders(now, `whsec_${Buffer.from(plain).toString('base64')}`);
    expect(verifyWebhook(body, headers, plain, { now })).toBe(true);
  });

  test('accepts any one of several secrets and of several signatures', () => {
    const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const headers = standardHeaders();
    headers['webhook-signature'] =
      `v1a,AAAA v2,zzz  ${standardHeaders(now, other)['webhook-signature']} ${headers['webhook-signature']}`;
    expect(verifyWebhook(body, headers, secret, { now })).toBe(true);
    expect(verifyWebhook(body, headers, ['whsec_bad!', other], { now })).toBe(true);
    expect(verifyWebhook(body, headers, [], { now })).toBe(false);
  });

  test('accepts ed25519 (v1a) with the public key', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');
    const headers = standardHeaders();
    const signed = Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
    headers['webhook-signature'] = `v1a,${sign(null, signed, privateKey).toString('base64')}`;
    expect(verifyWebhook(body, headers, `whpk_${raw}`, { now })).toBe(true);
    expect(verifyWebhook(`${body} `, headers, `whpk_${raw}`, { now })).toBe(false);
    expect(verifyWebhook(body, headers, `whpk_${raw.slice(4)}`, { now })).toBe(false);
  });

  test.each([
    [-301, false],
    [-300, true],
    [-299, true],
    [299, true],
    [300, true],
    [301, false],
  ])('a timestamp %i s from now is accepted: %s', (offset, accepted) => {
    expect(verifyWebhook(body, standardHeaders(now + offset * 1000), secret, { now })).toBe(accepted);
  });

  test.each(['1e9', '1.5', '-1', '', ' 1', '9007199254740993', 'NaN'])(
    'refuses the timestamp %j',
    (timestamp) => {
      const headers = { ...standardHeaders(), 'webhook-timestamp': timestamp };
      expect(verifyWebhook(body, headers, secret, { now, toleranceSeconds: Number.MAX_SAFE_INTEGER })).toBe(
        false,
      );
    },
  );

  test('refuses another body, id, secret, and missing or repeated headers', () => {
    const headers = standardHeaders();
    expect(verifyWebhook(`${body} `, headers, secret, { now })).toBe(false);
    expect(verifyWebhook(body, { ...headers, 'webhook-id': 'other' }, secret, { now })).toBe(false);
    expect(verifyWebhook(body, { ...headers, 'webhook-id': 'a.b' }, secret, { now })).toBe(false);
    expect(verifyWebhook(body, headers, `${secret.slice(0, -5)}AAAA=`, { now })).toBe(false);
    expect(verifyWebhook(body, headers, '', { now })).toBe(false);
    expect(verifyWebhook(body, headers, 'whsec_', { now })).toBe(false);
    for (const name of Object.keys(headers)) {
      expect(verifyWebhook(body, { ...headers, [name]: undefined }, secret, { now }), name).toBe(false);
      expect(verifyWebhook(body, { ...headers, [name]: ['a', 'b'] }, secret, { now }), name).toBe(false);
    }
  });
});

describe('verifySignature', () => {
  const hex = createHmac('sha256', 'plain secret').update(body).digest('hex');

  test('accepts the hex HMAC of the raw body', () => {
    expect(verifySignature(body, hex, 'plain secret')).toBe(true);
    expect(verifySignature(Buffer.from(body), hex, 'plain secret')).toBe(true);
  });

  test.each([
    ['upper case', hex.toUpperCase()],
    ['63 characters', hex.slice(1)],
    ['65 characters', `${hex}0`],
    ['odd length', 'abc'],
    ['not hex', 'z'.repeat(64)],
    ['empty', ''],
    ['null', null],
    ['undefined', undefined],
    ['an array', [hex]],
    ['a number', 7],
  ])('returns false for a signature that is %s', (_name, signature) => {
    expect(verifySignature(body, signature, 'plain secret')).toBe(false);
  });

  test('returns false for a wrong or missing secret', () => {
    expect(verifySignature(body, hex, 'other')).toBe(false);
    expect(verifySignature(body, hex, '')).toBe(false);
    expect(verifySignature(body, hex, undefined)).toBe(false);
  });
});
