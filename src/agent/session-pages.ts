// A session's messages page by page, as they are kept: for work on sessions too long to be held in memory, or to be done in one turn.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MessageRow, Store, TurnRow } from '../store/store.ts';

/** Of tool output up to 64 Ki each: a page takes some milliseconds. */
export const rowsPerPage = 100;

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

async function* pages<T extends { readonly id: string }>(
  read: (page: { limit: number; afterId?: string }) => Promise<readonly T[]>,
): AsyncGenerator<readonly T[], void, undefined> {
  let after: string | undefined;
  for (;;) {
    const rows = await read({ limit: rowsPerPage, ...(after === undefined ? {} : { afterId: after }) });
    if (rows.length > 0) yield rows;
    after = rows.at(-1)?.id;
    if (rows.length < rowsPerPage) return;
    await nextTurn();
  }
}
