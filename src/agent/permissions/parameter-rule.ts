// Rules for tools that are not built in. Their parameters are compared as canonical JSON (RFC 8785) and nothing else,
// since only the tool knows what its parameters mean.

import canonicalize from 'canonicalize';
import { isRecord } from '../../base/is-record.ts';
import { fitsText } from './fits-text.ts';

type Parameters = Readonly<Record<string, unknown>>;

/** Undefined for parameters without a canonical form: text with half of a surrogate pair. */
export function canonicalParameters(params: Parameters): string | undefined {
  try {
    return canonicalize(params);
  } catch {
    // The library has no other failure for parsed JSON.
    return undefined;
  }
}

/** True if the pattern is JSON with exactly these members. `*` inside a string matches any text. */
export function allowsParameters(pattern: string, params: Parameters): boolean {
  if (canonicalParameters(params) === undefined) return false;
  const wanted = readJson(pattern);
  return wanted !== undefined && fitsValue(wanted.value, params, 'all');
}

/**
 * Members that the pattern does not name are ignored, so they cannot be used to evade it. A pattern that cannot match
 * anything forbids every call.
 */
export function forbidsParameters(pattern: string, params: Parameters): boolean {
  const text = canonicalParameters(params);
  if (text === undefined || !canFitParameters(pattern)) return true;
  const wanted = readJson(pattern);
  if (wanted !== undefined && fitsValue(wanted.value, params, 'named')) return true;
  return fitsText(pattern, text) || strings(params).some((string) => fitsText(pattern, string));
}

/** True if the pattern can match parameters: it is JSON, or text that begins with `*`. */
export function canFitParameters(pattern: string): boolean {
  const json = readJson(pattern);
  if (json !== undefined) return isRecord(json.value);
  return pattern.startsWith('*');
}

function readJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    // Not JSON; it may be text with `*`.
    return undefined;
  }
}

function fitsValue(wanted: unknown, value: unknown, members: 'all' | 'named'): boolean {
  if (typeof wanted === 'string')
    return typeof value === 'string' && fitsText(wanted.normalize('NFC'), value.normalize('NFC'));
  if (Array.isArray(wanted))
    return (
      Array.isArray(value) &&
      wanted.length === value.length &&
      wanted.every((item, index) => fitsValue(item, value[index], members))
    );
  if (!isRecord(wanted)) return Object.is(wanted, value) || wanted === value;
  if (!isRecord(value)) return false;
  const names = Object.keys(wanted);
  if (members === 'all' && names.length !== Object.keys(value).length) return false;
  return names.every((name) => Object.hasOwn(value, name) && fitsValue(wanted[name], value[name], members));
}

/** All strings of the parameters, at any depth. */
function strings(params: Parameters): readonly string[] {
  const found: string[] = [];
  const left: unknown[] = [params];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'string') found.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) left.push(inner);
  }
  return found;
}
