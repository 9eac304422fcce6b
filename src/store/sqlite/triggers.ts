// Reads and pruning of triggers.

import { toTriggerCallRow, toTriggerKeyRow } from '../rows.ts';
import type { TriggerStore } from '../trigger-store.ts';
import { afterAllIds, type Reads } from './statements.ts';
import type { Writer } from './writer.ts';

export interface TriggerStoreOptions {
  readonly reads: Reads;
  readonly read: <T>(work: () => T) => Promise<T>;
  readonly call: Writer['call'];
}

export function triggerStore({ reads, read, call }: TriggerStoreOptions): TriggerStore {
  return {
    findKey: (triggerId, keys) =>
      read(() => {
        for (const key of keys) {
          const row = reads.findTriggerKey.get(triggerId, key);
          if (row !== undefined) return toTriggerKeyRow(row);
        }
        return undefined;
      }),
    listCalls: ({ triggerId, limit, beforeId = afterAllIds, outcome }) =>
      read(() => {
        const among = outcome === undefined ? '' : 'AND outcome = ?';
        const text = `SELECT * FROM trigger_calls WHERE trigger_id = ? AND id < ? ${among} ORDER BY id DESC LIMIT ?`;
        const values = [triggerId, beforeId, ...(outcome === undefined ? [] : [outcome]), limit];
        return reads
          .composed(text)
          .all(...values)
          .map(toTriggerCallRow);
      }),
    queuedCalls: (triggerId, coalesceKey) =>
      read(() => reads.queuedCalls.all(triggerId, coalesceKey).map(toTriggerCallRow)),
    costSince: (triggerId, since) => read(() => Number(reads.triggerCost.get(triggerId, since)?.value ?? 0)),
    states: () =>
      read(() =>
        reads.listTriggerStates
          .all()
          .map((row) => ({ triggerId: row.trigger_id as string, state: row.state as string })),
      ),
    pruneCalls: (before, max) => call('pruneTriggerCalls', before, max),
    trimCalls: (triggerId, keep, max) => call('trimTriggerCalls', triggerId, keep, max),
    pruneKeys: (before, max) => call('pruneTriggerKeys', before, max),
  };
}
