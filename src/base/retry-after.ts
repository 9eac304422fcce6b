// `Retry-After` as RFC 9110 §10.2.3 defines it: whole seconds or an IMF-fixdate. `Number` and `Date.parse` accept far
// more (`0x10`, `1e9`, `-5`), so both forms are checked first.

const fixdate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Parse a `Retry-After` header. `now` is the wall clock in Unix ms.
 * @returns milliseconds to wait, 0 or more; undefined if the header is missing or malformed
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  if (!fixdate.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}
