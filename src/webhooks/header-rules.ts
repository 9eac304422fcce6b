// Rules for a webhook's own headers: which may be set, and how they are shown. Names and values follow RFC 9110 §5.
// Headers that would change the request itself, or could be mistaken for the sender's, may not be set.

import { escapePointer } from '../base/json-pointer.ts';

export interface HeaderFault {
  /** JSON Pointer below /headers; empty for all of them together. */
  readonly pointer: string;
  readonly message: string;
}

const maxHeaders = 50;
const maxNameBytes = 256;
const maxValueBytes = 4096;
const maxTotalBytes = 16 * 1024;

const reserved: ReadonlySet<string> = new Set([
  'user-agent',
  'accept-encoding',
  'x-codebuddy-hop',
  'traceparent',
  'tracestate',
  'host',
  'transfer-encoding',
  'te',
  'trailer',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'http2-settings',
]);
const reservedPrefixes = ['webhook-', 'x-webhook-', 'content-', 'proxy-'];

/** Check a webhook's headers. Returns every fault. */
export function checkHeaders(headers: unknown): readonly HeaderFault[] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    return [{ pointer: '', message: 'must be an object of names and values' }];
  const entries = Object.entries(headers);
  if (entries.length > maxHeaders)
    return [{ pointer: '', message: `must have at most ${maxHeaders} headers; it has ${entries.length}` }];
  const faults: HeaderFault[] = [];
  const names = new Set<string>();
  let total = 0;
  for (const [name, value] of entries) {
    const message = faultOf(name, value) ?? (names.has(name.toLowerCase()) ? 'is given twice' : undefined);
    names.add(name.toLowerCase());
    if (message !== undefined) faults.push({ pointer: `/${escapePointer(name.slice(0, 100))}`, message });
    total += name.length + String(value).length + 4;
  }
  if (total > maxTotalBytes)
    faults.push({ pointer: '', message: `must have at most ${maxTotalBytes} bytes in all; it has ${total}` });
  return faults;
}

function faultOf(name: string, value: unknown): string | undefined {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return 'is not a header name (RFC 9110 token)';
  if (name.length > maxNameBytes) return `has a name of more than ${maxNameBytes} bytes`;
  const lower = name.toLowerCase();
  if (reserved.has(lower) || reservedPrefixes.some((prefix) => lower.startsWith(prefix)))
    return 'is reserved: it is set by the sender, or would change the request itself';
  if (Object.hasOwn(Object.prototype, name)) return 'cannot be used as a header name';
  if (typeof value !== 'string') return 'must be a string';
  if (value.length > maxValueBytes) return `must have at most ${maxValueBytes} bytes; it has ${value.length}`;
  if (!/^[\x20-\x7e\t]*$/.test(value)) return 'must be visible ASCII, spaces and tabs';
  return value.trim() === value ? undefined : 'must not begin or end with a space';
}

const credential = /auth|cookie|token|secret|passw|key|session|signature/i;

/** Schemes of RFC 9110 §11.4 whose value is a credential, in any header. */
const credentialValue = /^(?:bearer|basic|token|apikey)\s+\S/i;

function isCredential(name: string, value: string): boolean {
  return credential.test(name) || credentialValue.test(value);
}

/** Replace the values of headers that may hold credentials. */
export function maskHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isCredential(name, value) ? '***' : value]),
  );
}

/** The values that `maskHeaders` hides. */
export function secretValues(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => (isCredential(name, value) ? [value] : []));
}
