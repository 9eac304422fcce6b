// Counts the events of the log that a webhook would have received while it is disabled. Events about the webhook itself
// are left out, as they are when missed events are replayed.

import { expandTypes } from '../events/event-filter.ts';
import type { Store } from '../store/store.ts';
import { aboutWebhooks, isAbout } from './outbox.ts';

export interface MissedQuery {
  readonly webhookId: string;
  /** Exclusive. */
  readonly after: number;
  /** Exact names, `group.*`, `*`. */
  readonly events: readonly string[];
  /** Event types of the host, beside the catalogue's. */
  readonly ownTypes?: ReadonlySet<string> | undefined;
}

const pageSize = 200;

export async function countMissed(
  store: Pick<Store, 'countEvents' | 'readEvents'>,
  { webhookId, after, events, ownTypes }: MissedQuery,
): Promise<number> {
  const types = expandTypes(events, ownTypes);
  const count = await store.countEvents(after, types);
  const mixed = [...aboutWebhooks].filter((type) => types?.includes(type) ?? true);
  if (count === 0 || mixed.length === 0) return count;
  let own = 0;
  for (let position = after; ; ) {
    const rows = await store.readEvents({ after: position, types: mixed, limit: pageSize });
    own += rows.filter(({ type, data }) => isAbout(webhookId, type, data)).length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return count - own;
    position = last.sequence;
  }
}
