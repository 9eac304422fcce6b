// Reads the stored messages of a session page by page, for sessions too long to hold in memory or to process in one
// turn.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import type { MessageRow, Store, TurnRow } from '../store/store.ts';

/** Fewer if they are long: a page takes a few milliseconds. */
const rowsPerPage = 100;

/** Oldest first. Other work gets its turn between two pages. */
export function readPages(
  store: Pick<Store, 'listMessages'>,
  sessionId: string,
): AsyncGenerator<readonly MessageRow[], void, undefined> {
  return pages((page) => store.listMessages(sessionId, page));
}

/** Like `readPages`, for the turns of the transcript. */
export function readTurnPages(
  store: Pick<Store, 'listTurns'>,
  sessionId: string,
): AsyncGenerator<readonly TurnRow[], void, undefined> {
  return pages((page) => store.listTurns(sessionId, page));
}

async function* pages<T extends { readonly id: string; readonly content: string }>(
  read: (page: { limit: number; maxText: number; afterId?: string }) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[], void, undefined> {
  let after: string | undefined;
  for (;;) {
    const rows = await read({
      limit: rowsPerPage,
      maxText: maxPageText,
      ...(after === undefined ? {} : { afterId: after }),
    });
    if (rows.length > 0) yield rows;
    after = rows.at(-1)?.id;
    if (rows.length < rowsPerPage && !isCutByText(rows)) return;
    await nextTurn();
  }
}
