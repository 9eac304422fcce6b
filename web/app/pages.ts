// A list of the server that comes in pages. Events reload the first page, so its rows change in place.

import { useEffect, useRef, useState } from 'preact/hooks';
import { type ResourceOptions, useResource } from './resource.ts';

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface Pages<T> {
  /** Undefined until the first page is loaded. */
  readonly items: readonly T[] | undefined;
  readonly error: unknown;
  readonly isEnd: boolean;
  loadMore(): void;
  reload(): void;
}

/** `load` gets one page; `key` identifies the list, with its filter. */
export function usePages<T extends { readonly id: string }>(
  key: string,
  load: (cursor: string | undefined, signal: AbortSignal) => Promise<PageOf<T>>,
  options: ResourceOptions = {},
): Pages<T> {
  const first = useResource(key, (signal) => load(undefined, signal), options);
  const [more, setMore] = useState<PageOf<T>>();
  const [error, setError] = useState<unknown>();
  const isLoading = useRef(false);
  useEffect(() => {
    setMore(undefined);
    setError(undefined);
  }, [key]);

  const cursor = more === undefined ? first.value?.nextCursor : more.nextCursor;
  // New rows push old ones from the first page onto the second, where they are already.
  const seen = new Set(first.value?.items.map(({ id }) => id));
  const items = first.value && [
    ...first.value.items,
    ...(more?.items ?? []).filter(({ id }) => !seen.has(id)),
  ];

  async function loadMore(): Promise<void> {
    if (isLoading.current || cursor === null || cursor === undefined) return;
    isLoading.current = true;
    try {
      const page = await load(cursor, new AbortController().signal);
      setMore((before) => ({ ...page, items: [...(before?.items ?? []), ...page.items] }));
      setError(undefined);
    } catch (reason) {
      setError(reason);
    } finally {
      isLoading.current = false;
    }
  }

  return {
    items,
    error: first.error ?? error,
    isEnd: first.value !== undefined && cursor === null,
    loadMore: () => void loadMore(),
    reload: first.reload,
  };
}
