// Random schedules of crashes, pauses, cuts and clock steps against the decisions of the ownership protocol.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WAIT_LIMIT_MS } from '../../wait-for.ts';
import { type Fault, type Scenario, simulate } from './ownership-model.ts';

const at = fc.integer({ min: 0, max: 38_000 });
const node = fc.nat(3);
const forMs = fc.oneof(
  fc.integer({ min: 50, max: 1500 }),
  fc.integer({ min: 1500, max: 9000 }),
  fc.integer({ min: 9000, max: 16_000 }),
);
const kind = fc.constantFrom(
  'pause',
  'crash',
  'leave',
  'cut',
  'unlock',
  'silence',
  'restart',
  'hang',
  'clock',
);
const fault = fc
  .record({ kind, at, node, forMs, byMs: fc.integer({ min: -86_400_000, max: 86_400_000 }) })
  .map((record): Fault => record);
const scenario: fc.Arbitrary<Scenario> = fc.record({
  nodes: fc.integer({ min: 1, max: 4 }),
  lanes: fc.integer({ min: 1, max: 5 }),
  faults: fc.array(fault, { maxLength: 8 }),
  seed: fc.integer(),
});

test('no schedule breaks order, ownership or the end of runs', () => {
  const totals: Record<string, number> = {};
  let runs = 0;
  fc.assert(
    fc.property(scenario, (chosen) => {
      runs++;
      for (const [name, count] of Object.entries(simulate(chosen)))
        totals[name] = (totals[name] ?? 0) + count;
    }),
    { numRuns: Number(process.env.MODEL_RUNS ?? 1000), interruptAfterTimeLimit: WAIT_LIMIT_MS },
  );
  // The schedules reach what they are meant to reach.
  for (const name of ['takeOvers', 'fenced', 'handOvers', 'deliveries', 'inherited', 'lost'])
    expect(totals, name).toMatchObject({ [name]: expect.toSatisfy((count: number) => count > runs / 20) });
});
