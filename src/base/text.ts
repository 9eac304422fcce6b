// Repairs and truncates text: well-formed Unicode, cut between characters. A lone surrogate or a NUL in one message makes a provider refuse the
// whole conversation, so text is repaired where it enters.

/** Invisible: white space, control and format characters, those that Unicode calls ignorable, and the empty Braille pattern. */
const visible = /[^\s\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Whether the text has no visible character. Providers refuse such a message. */
export function isBlank(text: string): boolean {
  return !visible.test(text);
}

/** Replaces each lone surrogate with U+FFFD. */
export function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.toWellFormed();
}

/** Applies `wellFormed` to each string and key of a JSON value. Returns the value itself if nothing changes. */
export function wellFormedDeep<T>(value: T): T {
  return mapStrings(value, wellFormed) as T;
}

/** Makes text safe for providers: well-formed and without NUL, which some servers store or print wrongly. */
export function sendable(text: string): string {
  const whole = wellFormed(text);
  return whole.includes('\0') ? whole.replaceAll('\0', '') : whole;
}

/** Applies `sendable` to each string and key of a JSON value. Returns the value itself if nothing changes. */
export function sendableDeep<T>(value: T): T {
  return mapStrings(value, sendable) as T;
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => mapStrings(item, change));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  // Other objects (a Date, a class of the host) are left to JSON.
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  let isChanged = false;
  const entries = Object.entries(value).map(([key, item]) => {
    const entry = [change(key), mapStrings(item, change)] as const;
    if (entry[0] !== key || entry[1] !== item) isChanged = true;
    return entry;
  });
  return isChanged ? Object.fromEntries(entries) : value;
}

let graphemes: Intl.Segmenter | undefined;
/** Longer than nearly all graphemes. A longer one is cut between code points. */
const graphemeReach = 64;

/** The last position at or before `at` (in UTF-16 units) that is not inside a grapheme. */
function boundaryBefore(text: string, at: number): number {
  if (at <= 0) return 0;
  if (at >= text.length) return text.length;
  const place = isInsidePair(text, at) ? at - 1 : at;
  let start = Math.max(0, place - graphemeReach);
  if (isInsidePair(text, start)) start++;
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const around = text.slice(start, place + graphemeReach);
  const found = graphemes.segment(around).containing(place - start);
  // A grapheme that starts before the examined range cannot be kept whole.
  return found === undefined || found.index === 0 ? place : start + found.index;
}

function isInsidePair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

/** Returns at most the first `maxLength` UTF-16 units, not cut inside a grapheme. */
export function cutHead(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : text.slice(0, boundaryBefore(text, maxLength));
}

/** Returns at most the last `maxLength` UTF-16 units, not cut inside a grapheme. */
export function cutTail(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const start = text.length - maxLength;
  const before = boundaryBefore(text, start);
  if (before === start) return text.slice(start);
  // Leave out the rest of a grapheme that starts before.
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const found = graphemes.segment(text.slice(before, before + graphemeReach)).containing(0);
  const end = found === undefined ? start : before + found.segment.length;
  return text.slice(Math.min(isInsidePair(text, end) ? end + 1 : end, text.length));
}

/** Truncates text to `maxLength` UTF-16 units, including the `…` at its end. */
export function shorten(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${cutHead(text, maxLength - 1)}…`;
}

/** Decodes UTF-8 without the characters that are cut at the start or the end of the bytes. */
export function decodeCut(bytes: Uint8Array): string {
  let start = 0;
  while (start < 3 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start++;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start), { stream: true });
}
