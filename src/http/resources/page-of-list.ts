// Pages of a list that is in memory as a whole. The cursor is the number of items before the page.

import { decodeCursor, encodeCursor } from './cursor.ts';

/**
 * Returns the page of `all` that the query asks for, and the cursor of the next one.
 * @throws CodeBuddyError `validation_failed`
 */
export function pageOfList<T>(
  list: string,
  all: readonly T[],
  query: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
): { readonly items: readonly T[]; readonly nextCursor: string | null } {
  const start = query.cursor === undefined ? 0 : Number(decodeCursor(list, query.cursor));
  const end = start + (query.limit ?? 50);
  return {
    items: all.slice(start, end),
    nextCursor: end < all.length ? encodeCursor(list, String(end)) : null,
  };
}
