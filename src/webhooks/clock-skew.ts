// Detects a wrong clock on this machine. Receivers refuse requests whose timestamp is minutes off; if the `Date`
// headers of three of them agree on another time, the host is warned.

export interface ClockSkewWatch {
  /**
   * `date`: a `Date` header as received; `wall`: this machine's clock in Unix ms. Returns the skew in seconds, once,
   * when three receivers agree.
   */
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
