// How lanes are spread over nodes: evenly, at once, and with the fewest moves.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planLanes } from '../../../src/store/postgres/nodes/lane-plan.ts';

const counts = fc.record({
  owned: fc.array(fc.nat(30), { minLength: 1, maxLength: 12 }),
  free: fc.nat(40),
});

test('when every node follows its plan, lanes are even after three rounds, and even ones stay', () => {
  fc.assert(
    fc.property(counts, ({ owned, free }) => {
      let nodes = new Map(owned.map((count, index) => [`nod_${index}`, count]));
      let left = free;
      const total = owned.reduce((sum, count) => sum + count, free);
      const [low, high] = [Math.floor(total / owned.length), Math.ceil(total / owned.length)];
      let moved = 0;
      for (let round = 0; round < 3; round++) {
        const plans = [...nodes].map(([id, count]) => ({
          id,
          count,
          ...planLanes({ owned: nodes, free: left }, id),
        }));
        // Two nodes may want the same lane; the first one gets it.
        const claims = plans.map(({ claim }) => {
          const claimed = Math.min(claim, left);
          left -= claimed;
          return claimed;
        });
        const handedOver = plans.reduce((sum, { handOver }) => sum + handOver, 0);
        moved += handedOver;
        left += handedOver;
        nodes = new Map(
          plans.map(({ id, count, handOver }, index) => [id, count + (claims[index] as number) - handOver]),
        );
      }
      expect(left).toBe(0);
      for (const count of nodes.values()) {
        expect(count).toBeGreaterThanOrEqual(low);
        expect(count).toBeLessThanOrEqual(high);
      }
      const surplus = owned.reduce((sum, count) => sum + Math.max(count - low, 0), 0);
      expect(moved).toBeLessThanOrEqual(surplus);
      if (free === 0 && owned.every((count) => count >= low && count <= high)) expect(moved).toBe(0);
    }),
    { numRuns: 2000 },
  );
});

test('a node that does not serve lanes gets none', () => {
  expect(planLanes({ owned: new Map([['nod_1', 2]]), free: 3 }, 'nod_2')).toEqual({ claim: 0, handOver: 0 });
});
