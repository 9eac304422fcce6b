import { CodeBuddyError } from '../../base/errors.ts';
import { looksLikeImage, looksLikePdf } from '../files/sniff-file.ts';
import { capText } from './cap-output.ts';
import { versionOf } from './file-version.ts';
import { readBinary } from './read-binary.ts';
import { readRange, readWholeFile } from './read-text.ts';
import { decodeText, detectEncoding, type TextEncoding } from './text-encoding.ts';
import { defineTool } from './tool.ts';

const maxBytes = 262_144;
const headBytes = (maxBytes * 3) / 4;
const chunkBytes = 65_536;
/** The part of a file that decides whether it is binary. */
const startBytes = 8192;

export const readFileTool = defineTool({
  name: 'read_file',
  description:
    'Read a text file, the text of a PDF, or an image (PNG, JPEG, GIF, WebP) to see it. Without offset and limit the whole file (over 256 KiB: its head and tail); with them, the requested lines. `encoding` in the result: utf-8, utf-16le, utf-16be, latin1 (shown as Windows-1252) or unknown (UTF-8 with other bytes, shown as U+FFFD). `bom` is true if the file begins with a byte order mark, which is not shown.',
  inputSchema: {
    type: 'object',
    properties: {
      path: { type: 'string', minLength: 1, description: 'Relative to the workspace.' },
      offset: { type: 'integer', minimum: 1, description: 'First line, from 1.' },
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: 10_000,
        description: 'Number of lines; default 2000 with an offset.',
      },
    },
    required: ['path'],
    additionalProperties: false,
  },
  readOnly: true,
  async run({ path, offset, limit }, { workspace, signal, seen, showImage }) {
    const handle = await workspace.openFile(path);
    try {
      const stats = await handle.stat({ bigint: true });
      const size = Number(stats.size);
      const start = await readRange(handle, 0, Math.min(size, startBytes));
      const shown = workspace.relative(path);
      const guess = detectEncoding(start);
      if (guess.encoding === 'binary' || looksLikePdf(start) || looksLikeImage(start))
        return await readBinary({ handle, shown, start, size }, showImage);
      let encoding: TextEncoding = guess.encoding;
      let source: Source = { size, read: (position, length) => readRange(handle, position, length) };
      let decode = (...pieces: Buffer[]): string[] => {
        encoding = encodingOf([start, ...pieces]);
        return pieces.map((piece) => decodeText(piece, encoding));
      };
      if (encoding === 'utf-16le' || encoding === 'utf-16be') {
        source = memorySource(Buffer.from(decodeText(await readWholeFile(handle, shown), encoding)));
        decode = (...pieces) => pieces.map((piece) => piece.toString());
      }
      const part =
        offset === undefined && limit === undefined
          ? await readHeadAndTail(source, decode)
          : await readLines(source, offset ?? 1, limit ?? 2000, decode, signal);
      seen.saw(await workspace.realPath(path), versionOf(stats));
      const hasBom = guess.bomBytes > 0;
      return {
        path: shown,
        bytes: size,
        encoding,
        ...(hasBom ? { bom: true } : {}),
        ...part,
        content: hasBom ? part.content.replace(/^\uFEFF/, '') : part.content,
      };
    } finally {
      await handle.close();
    }
  },
});

interface Source {
  readonly size: number;
  readonly read: (position: number, length: number) => Promise<Buffer>;
}

type Decode = (...pieces: Buffer[]) => string[];

function memorySource(bytes: Buffer): Source {
  return {
    size: bytes.length,
    read: async (position, length) => bytes.subarray(position, position + length),
  };
}

/**
 * Judged by the pieces that were read, since a long file is not read whole. Each piece begins with a whole character.
 */
function encodingOf(pieces: readonly Buffer[]): TextEncoding {
  // A piece that ends with a line or with the file ends with a whole character.
  const isCut = (piece: Buffer): boolean => piece.length >= startBytes && piece.at(-1) !== 10;
  const isAllUtf8 = pieces.every((piece) => detectEncoding(piece, isCut(piece)).encoding === 'utf-8');
  if (isAllUtf8) return 'utf-8';
  const { encoding } = detectEncoding(Buffer.concat(pieces));
  // A NUL after the start does not make the file binary.
  return encoding === 'binary' ? 'unknown' : encoding;
}

async function readHeadAndTail(
  { size, read }: Source,
  decode: Decode,
): Promise<{ content: string; truncated: boolean }> {
  if (size <= maxBytes) return { content: decode(await read(0, maxBytes)).join(''), truncated: false };
  const head = await read(0, headBytes);
  const tail = await read(size - (maxBytes - headBytes), maxBytes - headBytes);
  // Cut at line breaks if there are any, so that no line is shown in part.
  const headEnd = head.lastIndexOf(10) + 1 || head.length;
  let tailStart = tail.indexOf(10) + 1;
  // Without a line break, at least not within a character.
  while (tailStart < 3 && ((tail[tailStart] ?? 0) & 0xc0) === 0x80) tailStart++;
  const omitted = size - headEnd - (tail.length - tailStart);
  const note = `[… ${omitted} bytes left out; read them with offset and limit …]\n`;
  return {
    content: decode(head.subarray(0, headEnd), tail.subarray(tailStart)).join(note),
    truncated: true,
  };
}

async function readLines(
  { read }: Source,
  offset: number,
  limit: number,
  decode: Decode,
  signal: AbortSignal,
): Promise<{ content: string; truncated: boolean; startLine: number; endLine: number }> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let line = 1;
  let position = 0;
  let full = false;
  while (!full) {
    signal.throwIfAborted();
    const chunk = await read(position, chunkBytes);
    if (chunk.length === 0) break;
    position += chunk.length;
    let from = 0;
    while (from < chunk.length) {
      const newline = chunk.indexOf(10, from);
      const to = newline === -1 ? chunk.length : newline + 1;
      if (line >= offset) {
        kept.push(Buffer.from(chunk.subarray(from, to)));
        keptBytes += to - from;
      }
      if (newline !== -1) line++;
      from = to;
      if (line >= offset + limit || keptBytes > maxBytes) {
        full = true;
        break;
      }
    }
  }
  const { text, truncated } = capText(decode(Buffer.concat(kept)).join(''), maxBytes);
  if (kept.length === 0 && offset > 1) {
    throw new CodeBuddyError('tool_failed', `The file has fewer than ${offset} lines.`);
  }
  const lines = text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return { content: text, truncated, startLine: offset, endLine: offset + Math.max(0, lines - 1) };
}
