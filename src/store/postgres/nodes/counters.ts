// Sums over all nodes: one row each, changed by single statements.

import type { Counters } from '../../ownership.ts';
import type { Query } from './query.ts';
import { statements } from './statements.ts';

export function createCounters(query: Query): Counters {
  return {
    async add(name, amount, initial) {
      for (;;) {
        const { rows } = await query(statements.addToCounter, [name, amount]);
        if (rows[0] !== undefined) return Number(rows[0].value);
        // Another node may do the same: the first value counts.
        await query(statements.startCounter, [name, await initial()]);
      }
    },
  };
}
