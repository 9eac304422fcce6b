// Chance that can be repeated: the same seed makes the same choices.

export interface Chance {
  /** A number from 0 up to 1. */
  next(): number;
  /** A whole number from 0 up to `below`. */
  whole(below: number): number;
  pick<T>(from: readonly T[]): T;
  shuffle<T>(all: readonly T[]): readonly T[];
}

/** Mulberry32. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (below: number): number => Math.floor(next() * below);
  return {
    next,
    whole,
    pick: (from) => from[whole(from.length)] as (typeof from)[number],
    shuffle(all) {
      const rest = [...all];
      return all.map(() => rest.splice(whole(rest.length), 1)[0] as (typeof all)[number]);
    },
  };
}
