// Full-text search over the messages of all sessions.

import type { PageRequest } from '../contract/page.ts';
import type { MessageQuery, SearchHit } from '../contract/search.ts';
import { shownPast } from '../events/shown-time.ts';
import { searchedText } from '../store/search/message-words.ts';
import { parseSearch, type SearchItem } from '../store/search/search-query.ts';
import { snippetOf } from '../store/search/snippet.ts';
import type { FoundMessage, Store } from '../store/store.ts';
import { readContent } from './message-record.ts';

/** Messages with all words of `text`, newest first. A page may have fewer than `limit`, and still a `next`. */
export type SearchMessages = (query: PageRequest & MessageQuery) => Promise<{
  readonly items: readonly SearchHit[];
  readonly next?: string;
  /** Whether messages of an earlier release are still added to the index. */
  readonly isIndexing: boolean;
}>;

export function searchMessages({
  store,
  now,
}: {
  readonly store: Pick<Store, 'search'>;
  readonly now: () => number;
}): SearchMessages {
  return async ({ text, limit, after, ...filter }) => {
    const items = parseSearch(text);
    // Nothing has no words.
    if (items.length === 0) return { items: [], isIndexing: false };
    const { found, next, isIndexing } = await store.search.find({
      items,
      limit,
      ...filter,
      ...(after === undefined ? {} : { before: after }),
    });
    const hits = found.map((one) => toHit(one, items, now()));
    return next === undefined ? { items: hits, isIndexing } : { items: hits, next, isIndexing };
  };
}

function toHit(
  { message, sessionTitle, isArchived }: FoundMessage,
  items: readonly SearchItem[],
  now: number,
): SearchHit {
  const { tool } = readContent(message);
  return {
    session: { id: message.sessionId, title: sessionTitle, archived: isArchived },
    message: {
      id: message.id,
      runId: message.runId,
      role: message.role,
      ...(tool === undefined ? {} : { tool: tool.name }),
      createdAt: shownPast(message.createdAt, now),
    },
    snippet: snippetOf(searchedText(message.content), items),
  };
}
