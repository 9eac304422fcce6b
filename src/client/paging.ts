// Lists that come in pages: `await` gets the first page, `for await` gets the items of all pages.

interface Page {
  readonly nextCursor?: string | null;
}

/**
 * A list. `await` resolves to one page, with `nextCursor`. `for await` yields the items of this page and all that
 * follow, and requests each page when it is needed.
 *
 * @example
 * const { runs, nextCursor } = await client.runs.list({ limit: 20 });
 * for await (const run of client.runs.list({ status: 'failed' })) console.log(run.id);
 */
export interface PageList<P, I> extends Promise<P>, AsyncIterable<I> {
  /** The pages themselves. */
  pages(): AsyncGenerator<P, void>;
}

/** @param load requests the page of a cursor; undefined is the first page */
export function pageList<P extends Page, I>(
  load: (cursor: string | undefined) => Promise<P>,
  itemsOf: (page: P) => readonly I[],
): PageList<P, I> {
  const first = load(undefined);
  async function* pages(): AsyncGenerator<P, void> {
    let page = await first;
    for (;;) {
      yield page;
      if (!page.nextCursor) return;
      page = await load(page.nextCursor);
    }
  }
  async function* items(): AsyncGenerator<I, void> {
    for await (const page of pages()) yield* itemsOf(page);
  }
  return Object.assign(first, { pages, [Symbol.asyncIterator]: items });
}
