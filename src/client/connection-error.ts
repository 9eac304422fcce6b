// Translates what `fetch` throws. Platforms differ: Node.js and Bun give a code, Deno a text, browsers nothing.

import { CodeBuddyConnectionError, type ConnectionFailure } from './errors.ts';
import { shownUrl } from './server-url.ts';

const failures: readonly (readonly [RegExp, ConnectionFailure])[] = [
  [/refused/i, 'refused'],
  [/ENOTFOUND|EAI_AGAIN|lookup/i, 'not_found'],
  [/reset|EPIPE|closed|hang up/i, 'closed'],
  [/timed?out/i, 'timeout'],
];

/** @param cause what `fetch` threw before an answer came */
export function toConnectionError(cause: unknown, url: string): CodeBuddyConnectionError {
  if (cause instanceof CodeBuddyConnectionError) return cause;
  const text = describe(cause);
  const [, reason = 'unreachable'] = failures.find(([pattern]) => pattern.test(text)) ?? [];
  return new CodeBuddyConnectionError(reason, `No server answers at ${shownUrl(url)} (${text}).`, { cause });
}

/** The message and code of the innermost error. */
function describe(cause: unknown): string {
  let inner = cause;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  if (!(inner instanceof Error)) return String(inner);
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return inner.message.includes(code) && inner.message ? inner.message : `${inner.message} ${code}`.trim();
}
