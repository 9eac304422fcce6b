// What JSON cannot say, found before JSON.stringify drops it in silence or throws without saying where. Lone surrogates are fine:
// JSON.stringify writes them as escapes (well-formed JSON.stringify, ECMA-262 §25.5.2.2).

import { escapePointer } from '../base/json-pointer.ts';

/** The first value that JSON cannot hold: its JSON Pointer (RFC 6901) and why. */
export interface UnsafeValue {
  readonly pointer: string;
  readonly message: string;
}

/** Deeper than any sensible data, shallower than the stack. */
const maxDepth = 500;

export function findUnsafe(value: unknown): UnsafeValue | undefined {
  return search(value, '', new Set());
}

function search(value: unknown, pointer: string, ancestors: Set<object>): UnsafeValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { pointer, message: `is ${value}, which JSON cannot hold` };
    case 'object':
      return value === null ? undefined : searchObject(value, pointer, ancestors);
    default:
      return {
        pointer,
        message: `is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON cannot hold`,
      };
  }
}

function searchObject(value: object, pointer: string, ancestors: Set<object>): UnsafeValue | undefined {
  if (ancestors.has(value)) return { pointer, message: 'refers back to what contains it' };
  if (ancestors.size === maxDepth) return { pointer, message: `is nested deeper than ${maxDepth} levels` };
  ancestors.add(value);
  const found = searchMembers(value, pointer, ancestors);
  ancestors.delete(value);
  return found;
}

function searchMembers(value: object, pointer: string, ancestors: Set<object>): UnsafeValue | undefined {
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return search(value.toJSON(), pointer, ancestors);
  }
  for (const [key, child] of Object.entries(value)) {
    // Most values are leaves that are fine; the pointer is made only for the others.
    if (typeof child === 'string' || typeof child === 'boolean' || child === null) continue;
    // An optional field that is set to undefined is one that is left out, for JSON and for the schema.
    if (child === undefined && !Array.isArray(value)) continue;
    const found = search(child, `${pointer}/${escapePointer(key)}`, ancestors);
    if (found !== undefined) return found;
  }
  if (Array.isArray(value) && Object.keys(value).length < value.length)
    return { pointer, message: 'has holes, which JSON cannot hold' };
  return undefined;
}
