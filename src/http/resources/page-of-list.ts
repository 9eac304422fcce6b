// Pages of a list that a host hands over whole: the cursor holds how many came before.

import { decodeCursor, encodeCursor } from './cursor.ts';

/** The page of `all` that the query asks for, and the cursor of the one after it. */
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
