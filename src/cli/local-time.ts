// Formats times for people: local, with their offset from UTC. They are still RFC 3339, so they can be pasted into --since or --after.

/** `2026-11-29T15:03:17+01:00`. Other text is returned unchanged. */
export function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return `${localDay(date)}T${clock(date)}${offset(date)}`;
}

/** `15:03:17.204+01:00`. */
export function localClock(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  return `${clock(date)}.${String(date.getMilliseconds()).padStart(3, '0')}${offset(date)}`;
}

/** Replaces the UTC times in a text of the server, such as an explanation. */
export function withLocalTimes(text: string): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z/g, localTime);
}

function localDay(date: Date): string {
  return [String(date.getFullYear()).padStart(4, '0'), two(date.getMonth() + 1), two(date.getDate())].join(
    '-',
  );
}

function clock(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

function offset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
