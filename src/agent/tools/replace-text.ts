// Replaces text in the bytes of a file. All other bytes stay unchanged, even invalid ones, and the file keeps its line
// endings.

import { findText } from './find-text.ts';
import { encodeText, type TextEncoding } from './text-encoding.ts';

export type ReplacedText =
  | { readonly kind: 'replaced'; readonly bytes: Buffer; readonly occurrences: number }
  | { readonly kind: 'ambiguous'; readonly occurrences: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'too_large'; readonly bytes: number; readonly occurrences: number }
  /** The new text has characters that the file's encoding does not have. */
  | { readonly kind: 'unencodable' };

export interface TextReplacement {
  readonly oldText: string;
  readonly newText: string;
  readonly replaceAll: boolean;
  /** The largest size of the result. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/**
 * A line break in `oldText` matches both `\n` and `\r\n`. Line breaks in `newText` become the matched ones, or those of
 * the neighbouring line if the match has none. An `oldText` with `\r\n` that occurs literally is replaced literally.
 */
export async function replaceText(
  file: Buffer,
  encoding: TextEncoding,
  { oldText, newText, replaceAll, maxBytes, signal }: TextReplacement,
): Promise<ReplacedText> {
  // One character per byte, or per unit of UTF-16: everything outside the matches is copied unchanged.
  const isWide = encoding === 'utf-16le' || encoding === 'utf-16be';
  const wholeUnits = isWide ? file.length - (file.length % 2) : file.length;
  const body = isWide ? unitsOf(file.subarray(0, wholeUnits), encoding) : file.toString('latin1');
  // If the encoding is uncertain, the text may be in the file in either.
  const readings: readonly TextEncoding[] = encoding === 'unknown' ? ['utf-8', 'latin1'] : [encoding];
  let isUnencodable = false;
  for (const reading of readings) {
    const [oldUnits, newUnits] = [oldText, newText].map((text) => {
      if (isWide) return text;
      return encodeText(text, reading)?.toString('latin1');
    });
    if (oldUnits === undefined) continue;
    const { occurrences, units, finder } = await countMatches(body, oldUnits, signal);
    if (occurrences === 0) continue;
    if (newUnits === undefined) {
      isUnencodable = true;
      continue;
    }
    if (occurrences > 1 && !replaceAll) return { kind: 'ambiguous', occurrences };
    // Checked before the new text is built: a small edit can ask for gigabytes.
    const atLeast = file.length + (occurrences * newUnits.length - units) * (isWide ? 2 : 1);
    if (atLeast > maxBytes) return { kind: 'too_large', bytes: atLeast, occurrences };
    const after = await splice(body, finder, oldUnits, newUnits, signal);
    const changed = isWide ? (encodeText(after, encoding) as Buffer) : Buffer.from(after, 'latin1');
    const bytes = wholeUnits === file.length ? changed : Buffer.concat([changed, file.subarray(wholeUnits)]);
    if (bytes.length > maxBytes) return { kind: 'too_large', bytes: bytes.length, occurrences };
    return { kind: 'replaced', bytes, occurrences };
  }
  return { kind: isUnencodable ? 'unencodable' : 'absent' };
}

interface Match {
  readonly start: number;
  readonly end: number;
  readonly isLiteral: boolean;
}

/** Calls back for each match, in order. */
type Finder = (
  body: string,
  text: string,
  signal: AbortSignal,
  onFound: (match: Match) => void,
) => Promise<void>;

function unitsOf(bytes: Buffer, encoding: TextEncoding): string {
  return (encoding === 'utf-16be' ? Buffer.from(bytes).swap16() : bytes).toString('utf16le');
}

async function countMatches(
  body: string,
  text: string,
  signal: AbortSignal,
): Promise<{ readonly occurrences: number; readonly units: number; readonly finder: Finder }> {
  const finders: Finder[] = [];
  if (!text.includes('\n')) finders.push(findLiteral(false));
  else {
    if (text.includes('\r\n')) finders.push(findLiteral(true));
    finders.push(findAcrossLineEnds);
  }
  let occurrences = 0;
  let units = 0;
  for (const finder of finders) {
    await finder(body, text, signal, ({ start, end }) => {
      occurrences++;
      units += end - start;
    });
    if (occurrences > 0) return { occurrences, units, finder };
  }
  return { occurrences, units, finder: findAcrossLineEnds };
}

function findLiteral(isLiteral: boolean): Finder {
  return (body, text, signal, onFound) =>
    findText(body, text, signal, (start) => onFound({ start, end: start + text.length, isLiteral }));
}

/** Searches with all line breaks as `\n`, and translates the positions back. */
const findAcrossLineEnds: Finder = async (body, text, signal, onFound) => {
  const needle = text.replaceAll('\r\n', '\n');
  let pair = body.indexOf('\r\n');
  /** Number of pairs before the last translated position. */
  let pairs = 0;
  // Positions come in ascending order. A pair is one unit in the searched text; a position in front of it is that of
  // its `\r`.
  const placeOf = (found: number): number => {
    while (pair !== -1 && pair - pairs < found) {
      pairs++;
      pair = body.indexOf('\r\n', pair + 2);
    }
    return found + pairs;
  };
  await findText(body.replaceAll('\r\n', '\n'), needle, signal, (found) => {
    const start = placeOf(found);
    onFound({ start, end: placeOf(found + needle.length), isLiteral: false });
  });
};

async function splice(
  body: string,
  finder: Finder,
  oldText: string,
  newText: string,
  signal: AbortSignal,
): Promise<string> {
  const after = new TextBuilder();
  const lineEnds = createLineEnds(body);
  let from = 0;
  await finder(body, oldText, signal, (match) => {
    after.add(body.slice(from, match.start));
    after.add(match.isLiteral ? newText : withLineEnds(newText, oldText, body, match, lineEnds));
    from = match.end;
  });
  after.add(body.slice(from));
  return after.text();
}

function withLineEnds(
  newText: string,
  oldText: string,
  body: string,
  { start, end }: Match,
  nearest: (start: number, end: number) => string,
): string {
  if (!newText.includes('\n')) return newText;
  const matched = body.slice(start, end).match(/\r?\n/g) ?? [nearest(start, end)];
  // With `\n` in oldText, `\r\n` in newText is meant literally. With `\r\n` in both, the file's own line breaks are
  // meant.
  const breaks = oldText.includes('\r\n') ? /\r?\n/g : /(?<!\r)\n/g;
  let count = 0;
  return newText.replace(breaks, () => matched[Math.min(count++, matched.length - 1)] as string);
}

/**
 * The line break before a position, else the one after it. Positions come in ascending order, so the file is passed
 * once.
 */
function createLineEnds(body: string): (start: number, end: number) => string {
  let before = -1;
  let next = body.indexOf('\n');
  return (start, end) => {
    while (next !== -1 && next < start) {
      before = next;
      next = body.indexOf('\n', next + 1);
    }
    const at = before !== -1 ? before : next >= end ? next : -1;
    return at > 0 && body[at - 1] === '\r' ? '\r\n' : '\n';
  };
}

/** Joins pieces as they come: millions of them need little more memory than their text. */
class TextBuilder {
  #joined = '';
  #pieces: string[] = [];

  add(piece: string): void {
    if (this.#pieces.push(piece) < 10_000) return;
    this.#joined += this.#pieces.join('');
    this.#pieces = [];
  }

  text(): string {
    return this.#joined + this.#pieces.join('');
  }
}
