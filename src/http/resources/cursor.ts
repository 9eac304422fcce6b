// Cursors of lists. They are opaque to clients, so their content may change. Each contains the name of its list and a
// checksum: a cursor of another list, or a modified one, is refused.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Page } from '../../contract/page.ts';

/** Creates a cursor of `list`, such as `runs`, for the items after `position`. */
export function encodeCursor(list: string, position: string): string {
  return Buffer.from(JSON.stringify([list, position, checksum(list, position)])).toString('base64url');
}

/**
 * Returns the position in a cursor of `list`.
 * @throws CodeBuddyError `validation_failed`, naming `/cursor`
 */
export function decodeCursor(list: string, cursor: string): string {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    // Not a cursor of this API: refused below.
  }
  if (Array.isArray(parts) && parts.length === 3) {
    const [name, position, sum] = parts as readonly unknown[];
    if (name === list && typeof position === 'string' && sum === checksum(list, position)) {
      // Base64 has more than one spelling. Accept only the one that was issued.
      if (encodeCursor(list, position) === cursor) return position;
    }
  }
  throw new CodeBuddyError('validation_failed', `cursor must be a nextCursor of this list (${list}).`, {
    errors: [{ in: 'query', pointer: '/cursor', message: 'must be a nextCursor of this list' }],
  });
}

/** The argument of a service's `list`, from the query of a request. @throws CodeBuddyError `validation_failed` */
export function pageRequest(
  list: string,
  query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): { limit: number; after?: string } {
  const limit = query.limit ?? 50;
  return query.cursor === undefined ? { limit } : { limit, after: decodeCursor(list, query.cursor) };
}

/** The `nextCursor` of an answer; null on the last page. */
export function nextCursorOf(list: string, page: Page<unknown>): string | null {
  return page.next === undefined ? null : encodeCursor(list, page.next);
}

/** Detects mistakes. It protects no secret: the client may read every position. */
function checksum(list: string, position: string): string {
  return createHash('sha256').update(`${list}\n${position}`).digest('base64url').slice(0, 8);
}
