// Rounds that alternate between the product and its bare counterpart, and their summary: the median, the lowest
// and the highest. Neighbouring rounds are compared, so that a drift of the machine's speed affects both sides.

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @throws Error if there are no values */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((left, right) => left - right);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) throw new Error('bench: nothing was measured');
  return { median: quantile(sorted, 0.5), min, max };
}

/** The value below which the share `q` of the values lies. `values` need not be sorted. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** What both sides measured, and `ours / bare` of each round. */
export interface Compared {
  readonly ours: Spread;
  readonly bare: Spread;
  readonly ratio: Spread;
}

export type Measure = (round: number) => Promise<number>;

/**
 * Measures both sides `rounds` times. The side that goes first alternates, because the second one finds a warmer
 * machine.
 */
export async function alternate(rounds: number, ours: Measure, bare: Measure): Promise<Compared> {
  const ourValues: number[] = [];
  const bareValues: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) ourValues.push(await ours(round));
    bareValues.push(await bare(round));
    if (round % 2 === 1) ourValues.push(await ours(round));
  }
  return {
    ours: spreadOf(ourValues),
    bare: spreadOf(bareValues),
    ratio: spreadOf(ourValues.map((value, round) => value / (bareValues[round] ?? Number.NaN))),
  };
}
