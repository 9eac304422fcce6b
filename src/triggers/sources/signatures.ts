// Shared by the sources: comparisons in constant time, times, hashes, and reading texts of payloads.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { valueAt } from '../template.ts';

/** How far the time of a call may be off, both ways, in ms. */
const toleranceMs = 300_000;

export interface HmacRule {
  readonly algorithm: 'sha256' | 'sha512';
  readonly encoding: 'hex' | 'base64';
}

/** Whether the signature was made with one of the secrets, over these bytes. */
export function isSigned(
  signature: string,
  parts: readonly (string | Buffer)[],
  secrets: readonly string[],
  { algorithm, encoding }: HmacRule = { algorithm: 'sha256', encoding: 'hex' },
): boolean {
  const given = Buffer.from(signature, encoding);
  // Buffer skips what is not of the encoding.
  if (given.toString(encoding) !== (encoding === 'hex' ? signature.toLowerCase() : signature)) return false;
  let isRight = false;
  for (const secret of secrets) {
    const hmac = createHmac(algorithm, secret);
    for (const part of parts) hmac.update(part);
    const expected = hmac.digest();
    if (given.length === expected.length && timingSafeEqual(given, expected)) isRight = true;
  }
  return isRight;
}

/** Whether a token is one of the secrets. Hashes have the same length, whatever the token has. */
export function isToken(token: string, secrets: readonly string[]): boolean {
  const given = hashOf(token);
  let isRight = false;
  for (const secret of secrets) if (timingSafeEqual(given, hashOf(secret))) isRight = true;
  return isRight;
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** An identity from what is signed: equal parts have equal hashes. */
export function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return hash.digest('hex');
}

/** Why a time in Unix seconds or milliseconds is not accepted; undefined if it is. */
export function staleReason(timestamp: unknown, now: number): string | undefined {
  const text = typeof timestamp === 'number' ? String(timestamp) : timestamp;
  if (typeof text !== 'string' || !/^\d{1,14}$/.test(text))
    return 'The timestamp is missing or not a number.';
  const number = Number(text);
  const time = number > 100_000_000_000 ? number : number * 1000;
  const offMs = now - time;
  if (Math.abs(offMs) <= toleranceMs) return undefined;
  const minutes = Math.round(Math.abs(offMs) / 60_000);
  return `The timestamp is ${minutes} min ${offMs > 0 ? 'old' : 'in the future'}; at most 5 min are accepted. Check the clocks.`;
}

export function textAt(payload: unknown, path: string): string | undefined {
  const value = valueAt(payload, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The first of these fields that is a text. */
export function firstText(payload: unknown, ...paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const text = textAt(payload, path);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** The members of a list that are texts, or that have a text in the field. */
export function textsAt(payload: unknown, path: string, field: string): readonly string[] {
  const list = valueAt(payload, path);
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => textAt(item, field) ?? []);
}

export function branchOf(ref: string | undefined): string | undefined {
  return ref?.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
}
