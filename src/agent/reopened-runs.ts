// Finds the unfinished runs of a process that has ended which another process can continue: they waited for an answer,
// and did nothing else meanwhile, or they had not begun.

import type { RunRow, Store } from '../store/store.ts';
import { type OpenItem, readOpenItem } from './inbox/open-item.ts';
import { mayStartAgain } from './run-record.ts';

type Questions = Pick<Store, 'questions'>;

/**
 * What the run waited for; undefined if it cannot continue. A row exists only while its call waits, or has its answer and
 * has not used it, so no call of the run is repeated.
 */
export async function readReopened(
  { questions }: Questions,
  { id }: RunRow,
): Promise<readonly OpenItem[] | undefined> {
  const open = (await questions.questionsOf(id)).map(readOpenItem);
  return open.length > 0 && open.every(({ place }) => place !== undefined) ? open : undefined;
}

/** Splits runs into those that can be queued again, and those that are interrupted. */
export async function sortUnfinished(
  store: Questions,
  rows: readonly RunRow[],
): Promise<{ readonly again: readonly RunRow[]; readonly left: readonly RunRow[] }> {
  const again: RunRow[] = [];
  const left: RunRow[] = [];
  for (const row of rows) {
    const isAgain = mayStartAgain(row) || (await readReopened(store, row)) !== undefined;
    (isAgain ? again : left).push(row);
  }
  return { again, left };
}
