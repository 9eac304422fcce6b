// `Retry-After` as RFC 9110 §10.2.3 has it: whole seconds or an IMF-fixdate. Nothing else: `Number` and `Date.parse` take far
// too much for a time.

const minMs = 1000;
const maxMs = 24 * 60 * 60 * 1000;
const fixdate =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Milliseconds to wait, 1 s to 24 h; undefined if the value says nothing. `now` is the wall clock in Unix ms. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return clamp(Number(value) * 1000);
  if (!fixdate.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : clamp(at - now);
}

function clamp(ms: number): number {
  return Math.min(Math.max(ms, minMs), maxMs);
}
