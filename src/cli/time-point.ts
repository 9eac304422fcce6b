// Parses the points in time that flags accept: a date, a time or an age. Times without a zone are local.

import { invalid } from './option-values.ts';

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const expected =
  'a date (2026-11-29), a time (2026-11-29T14:30, 2026-11-29T14:30:00Z) or an age (90s, 30m, 2h, 1h30m, 7d)';

/** Returns RFC 3339 in UTC. @throws UsageError that names the flag */
export function readTime(flag: string, text: string, now = Date.now()): string {
  const time = durationBefore(text, now) ?? dateOf(text);
  if (time === undefined || Number.isNaN(new Date(time).getTime())) throw invalid(flag, expected, text);
  return new Date(time).toISOString();
}

/** Returns a sequence number, or RFC 3339 in UTC. @throws UsageError that names the flag */
export function readPoint(flag: string, text: string, now = Date.now()): number | string {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const time = durationBefore(text, now) ?? dateOf(text);
  if (time === undefined || Number.isNaN(new Date(time).getTime()))
    throw invalid(flag, `a sequence number, ${expected}`, text);
  return new Date(time).toISOString();
}

function durationBefore(text: string, now: number): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:s|min|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d{1,9}(?:\.\d{1,3})?)(s|min|m|h|d|w)/g))
    total += Number(count) * (unitMs[unit ?? ''] ?? Number.NaN);
  return now - total;
}

const dateAndTime =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/i;

function dateOf(text: string): number | undefined {
  const parts = dateAndTime.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part) => (part === undefined ? 0 : Number(part)));
  const local = new Date(year, month - 1, day, hour, minute, second);
  // `Date` turns 30 February and 25 o'clock into other times.
  const isReal =
    local.getMonth() === month - 1 && local.getDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) return undefined;
  return parts[7] === undefined ? local.getTime() : Date.parse(text.replace(' ', 'T').toUpperCase());
}
