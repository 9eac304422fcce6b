// A session's messages page by page, as they are kept: for work on sessions too long to be held in memory, or to be done in one turn.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { isCutByText, maxPageText } from '../store/page-weight.ts';
import type { MessageRow, Store, TurnRow } from '../store/store.ts';

/** Or fewer, if they are long: a page takes some milliseconds. */
const rowsPerPage = 100;

/** Oldest first. Others get their turn between two pages. */
export function readPages(
  store: Pick<Store, 'listMessages'>,
  sessionId: string,
): AsyncGenerator<readonly MessageRow[], void, undefined> {
  return pages((page) => store.listMessages(sessionId, page));
}

/** As `readPages`, of the entries of the transcript. */
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
