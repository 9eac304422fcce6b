// Cursors of lists: opaque to clients, so that what they hold can change; each says which list it belongs to, so that
// a cursor of another list, or one that was tampered with, is refused and never read as a position.

import { createHash } from 'node:crypto';
import { CodeBuddyError } from '../../base/errors.ts';
import type { Page } from '../../contract/page.ts';

/** A cursor for `list` (say `runs`) that goes on after `position`. */
export function encodeCursor(list: string, position: string): string {
  return Buffer.from(JSON.stringify([list, position, checksum(list, position)])).toString('base64url');
}

/**
 * The position in a cursor of `list`.
 * @throws CodeBuddyError `validation_failed`, naming `/cursor`
 */
export function decodeCursor(list: string, cursor: string): string {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    // Not one of ours; answered below like any other foreign cursor.
  }
  if (Array.isArray(parts) && parts.length === 3) {
    const [name, position, sum] = parts as readonly unknown[];
    if (name === list && typeof position === 'string' && sum === checksum(list, position)) {
      // Base64 can be written in more than one way; only the one we gave out counts.
      if (encodeCursor(list, position) === cursor) return position;
    }
  }
  throw new CodeBuddyError('validation_failed', `The cursor is not one that this list of ${list} gave out.`, {
    errors: [{ in: 'query', pointer: '/cursor', message: 'must be a nextCursor of this list' }],
  });
}

/** What a service's `list` wants, from the query of a request. */
export function pageRequest(
  list: string,
  query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): { limit: number; after?: string } {
  const limit = query.limit ?? 50;
  return query.cursor === undefined ? { limit } : { limit, after: decodeCursor(list, query.cursor) };
}

/** The `nextCursor` of an answer. */
export function nextCursorOf(list: string, page: Page<unknown>): string | null {
  return page.next === undefined ? null : encodeCursor(list, page.next);
}

/** Finds accidents and tampering; it guards no secret, since every position is one that the client may read. */
function checksum(list: string, position: string): string {
  return createHash('sha256').update(`${list}\n${position}`).digest('base64url').slice(0, 8);
}
