// Reads and pruning of triggers, and their registry, which nodes share.

import { toTriggerCallRow, toTriggerKeyRow } from '../rows.ts';
import type { TriggerStore } from '../trigger-store.ts';
import { composed } from './composed.ts';
import type { Row } from './database.ts';
import { throwStorageError } from './postgres-errors.ts';
import { withoutNull } from './record-reader.ts';
import { createSharedEntries, type SharedEntriesOptions } from './shared-entries.ts';
import { inTransaction } from './transaction.ts';

/** Sorts after every id: where a list that goes backwards begins. */
const afterAllIds = '\u{10ffff}';

export function createTriggerStore(
  options: Pick<SharedEntriesOptions, 'database' | 'guard' | 'onChanged'>,
): TriggerStore {
  const { database, guard } = options;
  const read = async (text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
    (await database.read(composed(text), values)).rows;
  const change = async (text: string, values: readonly unknown[]): Promise<number> => {
    const { count } = await inTransaction({ database, pool: 'others', guard: guard() }, (session) =>
      session.run(composed(text), values),
    ).catch(throwStorageError);
    return count;
  };

  return {
    registry: createSharedEntries({
      ...options,
      topic: 'triggers',
      texts: {
        entries: 'SELECT id, NULL::text AS run_id, entry, version FROM triggers',
        // Triggers have no run.
        change:
          'SELECT change_trigger(of_id, entry, expected) AS version FROM (SELECT $1::text AS of_id, $2::text AS run, $3::text AS entry, $4::bigint AS expected) AS c',
      },
    }),
    async findKey(triggerId, keys) {
      const text = `SELECT k.* FROM unnest($2::text[]) WITH ORDINALITY AS w (key, n)
        JOIN trigger_keys k ON k.trigger_id = $1 AND k.key = w.key ORDER BY w.n LIMIT 1`;
      const [row] = await read(text, [triggerId, keys]);
      return row === undefined ? undefined : toTriggerKeyRow(row);
    },
    async listCalls({ triggerId, limit, beforeId = afterAllIds, outcome }) {
      const among = outcome === undefined ? '' : 'AND outcome = $4';
      const text = `SELECT * FROM trigger_calls WHERE trigger_id = $1 AND id < $2 ${among} ORDER BY id DESC LIMIT $3`;
      const rows = await read(text, [
        triggerId,
        beforeId,
        limit,
        ...(outcome === undefined ? [] : [outcome]),
      ]);
      return rows.map(toTriggerCallRow);
    },
    async queuedCalls(triggerId, coalesceKey) {
      const text = `SELECT c.* FROM (
          SELECT * FROM trigger_calls WHERE trigger_id = $1 AND coalesce_key = $2 ORDER BY id DESC LIMIT 20
        ) c JOIN runs r ON r.id = c.run_id WHERE r.status = 'queued' ORDER BY c.id DESC`;
      return (await read(text, [triggerId, coalesceKey])).map(toTriggerCallRow);
    },
    async costSince(triggerId, since) {
      const text = `SELECT coalesce(sum((${withoutNull}::json #>> '{run,cost}')::float8), 0) AS value
        FROM (SELECT r.details FROM trigger_calls c JOIN runs r ON r.id = c.run_id
          WHERE c.trigger_id = $1 AND c.outcome = 'accepted' AND c.received_at >= $2) AS started`;
      return Number((await read(text, [triggerId, since]))[0]?.value ?? 0);
    },
    async states() {
      const rows = await read('SELECT trigger_id, state FROM trigger_states');
      return rows.map((row) => ({ triggerId: row.trigger_id as string, state: row.state as string }));
    },
    pruneCalls: (before, max) =>
      change(
        `DELETE FROM trigger_calls WHERE id IN (
          SELECT id FROM (SELECT id, received_at FROM trigger_calls ORDER BY id LIMIT $2) AS front WHERE received_at < $1)`,
        [before, max],
      ),
    trimCalls: (triggerId, keep, max) =>
      change(
        `DELETE FROM trigger_calls WHERE id IN (
          SELECT id FROM trigger_calls WHERE trigger_id = $1 ORDER BY id DESC LIMIT $3 OFFSET $2)`,
        [triggerId, keep, max],
      ),
    pruneKeys: (before, max) =>
      change(
        `DELETE FROM trigger_keys WHERE (trigger_id, key) IN (
          SELECT trigger_id, key FROM trigger_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)`,
        [before, max],
      ),
  };
}
