// Parses the bytes of a body. They must be JSON in UTF-8, nested at most 200 levels deep, and free of keys that reach
// into prototypes (`__proto__`, `constructor.prototype`) at any depth.

import { isUtf8 } from 'node:buffer';
import { CodeBuddyError } from './errors.ts';

/** Deeper than any legitimate body. Protects later code that recurses, such as a handler's JSON.stringify. */
const maxDepth = 200;

/** Parses a body. @throws CodeBuddyError `invalid_body` */
export function parseBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw bad('The body is not UTF-8.');
  let text = bytes.toString('utf8');
  // RFC 8259 §8.1 allows a parser to ignore a byte order mark, which some Windows tools write.
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // V8's message quotes the body, so it stays in the cause.
    throw bad(text.trim() === '' ? 'The body is empty.' : 'The body is not valid JSON.', cause);
  }
  if (typeof value === 'object' && value !== null) refusePoison(value);
  return value;
}

function bad(detail: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('invalid_body', detail, { cause });
}

/** Walks level by level: recursion would let a deep body exhaust the stack. */
function refusePoison(root: object): void {
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) throw bad(`The body is nested more than ${maxDepth} levels deep.`);
    const next: object[] = [];
    for (const node of level) {
      if (Array.isArray(node)) {
        for (const item of node) if (typeof item === 'object' && item !== null) next.push(item);
        continue;
      }
      const object = node as Readonly<Record<string, unknown>>;
      // Faster than Object.entries(), and JSON.parse creates own, enumerable keys only.
      for (const key in object) {
        if (key === '__proto__') throw bad('The body contains the forbidden key "__proto__".');
        const item = object[key];
        if (typeof item !== 'object' || item === null) continue;
        if (key === 'constructor' && Object.hasOwn(item, 'prototype')) {
          throw bad('The body contains the forbidden key "constructor.prototype".');
        }
        next.push(item);
      }
    }
    level = next;
  }
}
