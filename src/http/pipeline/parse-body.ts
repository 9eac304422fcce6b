// Step 5: bytes to a value. Fastify counts the bytes while it reads them; here they must be UTF-8 and JSON, not nested without
// end, and free of keys that reach into prototypes (`__proto__`, `constructor.prototype`) at any depth.

import { isUtf8 } from 'node:buffer';
import { CodeBuddyError } from '../../base/errors.ts';

/** Deeper than any honest body; later steps that recurse (a handler's JSON.stringify) stay safe. */
const maxDepth = 200;

/** @throws CodeBuddyError `invalid_body` */
export function parseBody(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw bad('The body is not UTF-8');
  let text = bytes.toString('utf8');
  // RFC 8259 §8.1 lets a parser ignore a byte order mark; some Windows tools write one.
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // V8's message quotes the body: the client may know that, but not what comes after it in the log.
    throw bad(text.trim() === '' ? 'The body is empty' : 'The body is not valid JSON', cause);
  }
  if (typeof value === 'object' && value !== null) refusePoison(value);
  return value;
}

function bad(detail: string, cause?: unknown): CodeBuddyError {
  return new CodeBuddyError('invalid_body', detail, { cause });
}

/** Level by level instead of recursing, so that depth costs no stack. */
function refusePoison(root: object): void {
  let level: object[] = [root];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth) throw bad(`The body is nested more than ${maxDepth} levels deep`);
    const next: object[] = [];
    for (const node of level) {
      if (Array.isArray(node)) {
        for (const item of node) if (typeof item === 'object' && item !== null) next.push(item);
        continue;
      }
      const object = node as Readonly<Record<string, unknown>>;
      // Not Object.entries(): this runs for every body, and JSON.parse makes own, enumerable keys only.
      for (const key in object) {
        if (key === '__proto__') throw bad('The body holds the key "__proto__"');
        const item = object[key];
        if (typeof item !== 'object' || item === null) continue;
        if (key === 'constructor' && Object.hasOwn(item, 'prototype')) {
          throw bad('The body holds the keys "constructor" and "prototype"');
        }
        next.push(item);
      }
    }
    level = next;
  }
}

const jsonType = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-?8"?[ \t]*)?;?$/i;

/** @throws CodeBuddyError `unsupported_media_type` */
export function refuseOtherMedia(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (contentType === undefined || !jsonType.test(contentType.trim())) {
    throw new CodeBuddyError('unsupported_media_type', 'The body must be application/json in UTF-8');
  }
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    // RFC 9110 §12.5.3: this header in a 415 says that the coding was the trouble.
    throw new CodeBuddyError('unsupported_media_type', 'The body must not be compressed', {
      headers: { 'Accept-Encoding': 'identity' },
    });
  }
}
