// The messages that were sent to a run while it worked, from the store.

import type { Store } from '../store/store.ts';
import { readContent } from './message-record.ts';
import { readPages } from './session-pages.ts';
import type { Steer } from './steer-queue.ts';

/** A message to a run, and the step of the run when it came in. */
export type KeptSteer = Steer & { readonly step: number };

/** Oldest first. */
export async function readOwnSteers(
  store: Pick<Store, 'listMessages'>,
  { sessionId, runId }: { readonly sessionId: string; readonly runId: string },
): Promise<readonly KeptSteer[]> {
  const own: KeptSteer[] = [];
  for await (const rows of readPages(store, sessionId))
    for (const row of rows) {
      if (row.runId !== runId || row.role !== 'user') continue;
      const { content, via, step = 0 } = readContent(row);
      if (via === 'steer') own.push({ messageId: row.id, text: content, step });
    }
  return own;
}
