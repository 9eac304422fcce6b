// Detects, decodes and encodes the text of files. Files that are written again are decoded without loss: encoding the
// decoded text gives the same bytes.

import { isUtf8 } from 'node:buffer';

/**
 * `latin1`: bytes without any UTF-8 character beyond ASCII, shown as Windows-1252, the superset of Latin-1 that
 * browsers use. `unknown`: UTF-8 mixed with other bytes.
 */
export type TextEncoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1' | 'unknown';

export interface EncodingOf {
  readonly encoding: TextEncoding | 'binary';
  /** Length of the byte order mark; 0 if there is none. */
  readonly bomBytes: number;
}

/** Judges by all of `bytes`. `isCut`: the bytes may end within a character. */
export function detectEncoding(bytes: Buffer, isCut = false): EncodingOf {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { encoding: 'utf-16le', bomBytes: 2 };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { encoding: 'utf-16be', bomBytes: 2 };
  // A NUL in the first 8 KiB means a binary file, as in git.
  if (bytes.subarray(0, 8192).includes(0)) return { encoding: 'binary', bomBytes: 0 };
  const bomBytes = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  if (isUtf8(isCut ? withoutCutCharacter(bytes) : bytes)) return { encoding: 'utf-8', bomBytes };
  return { encoding: bomBytes > 0 || holdsUtf8(bytes) ? 'unknown' : 'latin1', bomBytes };
}

/** Text to show; invalid bytes become U+FFFD. */
export function decodeText(bytes: Buffer, encoding: TextEncoding): string {
  switch (encoding) {
    case 'utf-16le':
      return bytes.toString('utf16le');
    case 'utf-16be':
      return swapped(bytes).toString('utf16le');
    case 'latin1':
      return new TextDecoder('windows-1252').decode(bytes);
    default:
      return bytes.toString('utf8');
  }
}

/** Undefined if the encoding does not have some character. */
export function encodeText(text: string, encoding: TextEncoding): Buffer | undefined {
  switch (encoding) {
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    case 'utf-16be':
      return swapped(Buffer.from(text, 'utf16le'));
    case 'latin1':
      return encodeWindows1252(text);
    default:
      return text.isWellFormed() ? Buffer.from(text) : undefined;
  }
}

function swapped(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2))).swap16();
}

let windows1252: ReadonlyMap<string, number> | undefined;

function encodeWindows1252(text: string): Buffer | undefined {
  windows1252 ??= new Map(
    Array.from({ length: 256 }, (_, byte) => [decodeText(Buffer.from([byte]), 'latin1'), byte]),
  );
  const bytes = Buffer.allocUnsafe(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = windows1252.get(text[i] as string);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** True if there is a whole UTF-8 character beyond ASCII. */
function holdsUtf8(bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const lead = bytes[i] as number;
    if (lead < 0xc2 || lead > 0xf4) continue;
    const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (i + length <= bytes.length && isUtf8(bytes.subarray(i, i + length))) return true;
  }
  return false;
}

function withoutCutCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes;
    if (byte >= 0xc0) {
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
    }
  }
  return bytes;
}
