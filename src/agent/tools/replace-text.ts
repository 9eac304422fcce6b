// Replaces text in the bytes of a file. All other bytes stay as they are, whatever they stand for; line ends of the file are kept.

import { encodeText, type TextEncoding } from './text-encoding.ts';

export type ReplacedText =
  | { readonly kind: 'replaced'; readonly bytes: Buffer; readonly occurrences: number }
  | { readonly kind: 'ambiguous'; readonly occurrences: number }
  | { readonly kind: 'absent' }
  /** The new text has characters that the file's encoding lacks. */
  | { readonly kind: 'unencodable' };

export interface TextReplacement {
  readonly oldText: string;
  readonly newText: string;
  readonly replaceAll: boolean;
}

/**
 * A line break in `oldText` matches `\n` and `\r\n` alike, and line breaks of `newText` become what was matched; where the match holds
 * none, they become those of the line before or after it. Only an `oldText` with `\r\n` that occurs as it is is replaced literally.
 */
export function replaceText(
  file: Buffer,
  encoding: TextEncoding,
  replacement: TextReplacement,
): ReplacedText {
  // One character a byte, or a unit of UTF-16: what is not matched is carried over as it is.
  const isWide = encoding === 'utf-16le' || encoding === 'utf-16be';
  const wholeUnits = isWide ? file.length - (file.length % 2) : file.length;
  const body = isWide ? unitsOf(file.subarray(0, wholeUnits), encoding) : file.toString('latin1');
  // Where the encoding is not certain, the text may stand in the file in either.
  const readings: readonly TextEncoding[] = encoding === 'unknown' ? ['utf-8', 'latin1'] : [encoding];
  let isUnencodable = false;
  for (const reading of readings) {
    const [oldUnits, newUnits] = [replacement.oldText, replacement.newText].map((text) => {
      if (isWide) return text;
      return encodeText(text, reading)?.toString('latin1');
    });
    if (oldUnits === undefined) continue;
    const matches = findAll(body, oldUnits);
    if (matches.length === 0) continue;
    if (newUnits === undefined) {
      isUnencodable = true;
      continue;
    }
    if (matches.length > 1 && !replacement.replaceAll)
      return { kind: 'ambiguous', occurrences: matches.length };
    const after = splice(body, matches, oldUnits, newUnits);
    const bytes = isWide ? (encodeText(after, encoding) as Buffer) : Buffer.from(after, 'latin1');
    return {
      kind: 'replaced',
      bytes: wholeUnits === file.length ? bytes : Buffer.concat([bytes, file.subarray(wholeUnits)]),
      occurrences: matches.length,
    };
  }
  return { kind: isUnencodable ? 'unencodable' : 'absent' };
}

interface Match {
  readonly start: number;
  readonly end: number;
  readonly isLiteral: boolean;
}

function unitsOf(bytes: Buffer, encoding: TextEncoding): string {
  return (encoding === 'utf-16be' ? Buffer.from(bytes).swap16() : bytes).toString('utf16le');
}

function findAll(body: string, text: string): readonly Match[] {
  if (!text.includes('\n')) return findLiteral(body, text, false);
  if (text.includes('\r\n')) {
    const literal = findLiteral(body, text, true);
    if (literal.length > 0) return literal;
  }
  const source = text
    .split(/\r?\n/)
    .map((line) => line.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&'))
    .join('\\r?\\n');
  return Array.from(body.matchAll(new RegExp(source, 'g')), ({ index, 0: found }) => ({
    start: index,
    end: index + found.length,
    isLiteral: false,
  }));
}

function findLiteral(body: string, text: string, isLiteral: boolean): readonly Match[] {
  const matches: Match[] = [];
  for (let start = body.indexOf(text); start !== -1; start = body.indexOf(text, start + text.length))
    matches.push({ start, end: start + text.length, isLiteral });
  return matches;
}

function splice(body: string, matches: readonly Match[], oldText: string, newText: string): string {
  const pieces: string[] = [];
  let from = 0;
  for (const match of matches) {
    const { start, end, isLiteral } = match;
    pieces.push(body.slice(from, start), isLiteral ? newText : withLineEnds(newText, oldText, body, match));
    from = end;
  }
  pieces.push(body.slice(from));
  return pieces.join('');
}

function withLineEnds(newText: string, oldText: string, body: string, { start, end }: Match): string {
  if (!newText.includes('\n')) return newText;
  const matched = body.slice(start, end).match(/\r?\n/g) ?? [nearestLineEnd(body, start, end)];
  // A caller who gave `\n` and wants `\r\n` means it; one who gave `\r\n` for both means the file's own.
  const breaks = oldText.includes('\r\n') ? /\r?\n/g : /(?<!\r)\n/g;
  let count = 0;
  return newText.replace(breaks, () => matched[Math.min(count++, matched.length - 1)] as string);
}

function nearestLineEnd(body: string, start: number, end: number): string {
  const before = body.lastIndexOf('\n', start - 1);
  const at = start > 0 && before !== -1 ? before : body.indexOf('\n', end);
  return at > 0 && body[at - 1] === '\r' ? '\r\n' : '\n';
}
