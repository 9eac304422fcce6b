// One page of a list, as clients get it.

import type { Page } from '../contract/page.ts';

/** `next` is the id to continue after; left out on the last page. */
export function toPage<T extends { readonly id: string }>(items: readonly T[], hasMore: boolean): Page<T> {
  const last = items.at(-1);
  return hasMore && last !== undefined ? { items, next: last.id } : { items };
}
