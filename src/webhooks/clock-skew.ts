// Receivers refuse requests whose timestamp is more than minutes off. When three of them show, by their `Date`, that our clock is the
// one that is wrong, somebody should hear of it.

export interface ClockSkewWatch {
  /** A `Date` header as it came, and our wall clock in Unix ms. Returns the skew in seconds once three receivers agree; then stays quiet. */
  observe(origin: string, date: string | undefined, wall: number): number | undefined;
}

const limitMs = 120_000;
const enough = 3;

export function createClockSkewWatch(): ClockSkewWatch {
  const skewed = new Map<string, number>();
  let told = false;
  return {
    observe(origin, date, wall) {
      if (date === undefined || told) return undefined;
      const at = Date.parse(date);
      if (Number.isNaN(at)) return undefined;
      const skew = wall - at;
      if (Math.abs(skew) <= limitMs) {
        skewed.delete(origin);
        return undefined;
      }
      if (skewed.size < 100) skewed.set(origin, skew);
      const same = [...skewed.values()].filter((other) => Math.abs(other - skew) < limitMs);
      if (same.length < enough) return undefined;
      told = true;
      return Math.round(skew / 1000);
    },
  };
}
