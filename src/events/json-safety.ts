// Find values that JSON cannot represent, which JSON.stringify drops silently or refuses without a place. Lone
// surrogates are valid: JSON.stringify escapes them (ECMA-262 §25.5.2.2).

import { escapePointer } from '../base/json-pointer.ts';

/** The first value that JSON cannot represent: its JSON Pointer (RFC 6901) and the reason. */
export interface UnsafeValue {
  readonly pointer: string;
  readonly message: string;
}

/** More than sensible data needs, and less than the stack allows. */
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
    // Most values are valid leaves, which need no pointer.
    if (typeof child === 'string' || typeof child === 'boolean' || child === null) continue;
    // JSON and the schema treat an undefined field as missing.
    if (child === undefined && !Array.isArray(value)) continue;
    const found = search(child, `${pointer}/${escapePointer(key)}`, ancestors);
    if (found !== undefined) return found;
  }
  if (Array.isArray(value) && Object.keys(value).length < value.length)
    return { pointer, message: 'has holes, which JSON cannot hold' };
  return undefined;
}
