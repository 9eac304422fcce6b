import type { FileHandle } from 'node:fs/promises';
import { CodeBuddyError } from '../../errors.ts';
import { capText } from './cap-output.ts';
import { looksBinary, readRange } from './read-text.ts';
import { defineTool } from './tool.ts';

const maxBytes = 262_144;
const headBytes = (maxBytes * 3) / 4;
const chunkBytes = 65_536;

export const readFileTool = defineTool({
  name: 'read_file',
  description:
    'Reads a text file. Without offset and limit the whole file (over 256 KiB: its head and tail); with them, the lines asked for.',
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
  async run({ path, offset, limit }, { workspace, signal }) {
    const handle = await workspace.openFile(path);
    try {
      const { size } = await handle.stat();
      const start = await readRange(handle, 0, Math.min(size, 8192));
      const shown = workspace.relative(path);
      if (looksBinary(start))
        throw new CodeBuddyError('tool_failed', `${shown} is a binary file of ${size} bytes.`);
      const part =
        offset === undefined && limit === undefined
          ? await readHeadAndTail(handle, size)
          : await readLines(handle, offset ?? 1, limit ?? 2000, signal);
      return { path: shown, bytes: size, ...part };
    } finally {
      await handle.close();
    }
  },
});

async function readHeadAndTail(
  handle: FileHandle,
  size: number,
): Promise<{ content: string; truncated: boolean }> {
  if (size <= maxBytes)
    return { content: (await readRange(handle, 0, maxBytes)).toString('utf8'), truncated: false };
  const head = await readRange(handle, 0, headBytes);
  const tail = await readRange(handle, size - (maxBytes - headBytes), maxBytes - headBytes);
  // Cut at line ends where there are any, so no line is shown in part.
  const headEnd = head.lastIndexOf(10) + 1 || head.length;
  const tailStart = tail.indexOf(10) + 1;
  const omitted = size - headEnd - (tail.length - tailStart);
  const note = `[… ${omitted} bytes left out; read them with offset and limit …]\n`;
  return {
    content: head.subarray(0, headEnd).toString('utf8') + note + tail.subarray(tailStart).toString('utf8'),
    truncated: true,
  };
}

async function readLines(
  handle: FileHandle,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<{ content: string; truncated: boolean; startLine: number; endLine: number }> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let line = 1;
  let position = 0;
  let full = false;
  while (!full) {
    signal.throwIfAborted();
    const chunk = await readRange(handle, position, chunkBytes);
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
  const { text, truncated } = capText(Buffer.concat(kept).toString('utf8'), maxBytes);
  if (kept.length === 0 && offset > 1) {
    throw new CodeBuddyError('tool_failed', `The file has fewer than ${offset} lines.`);
  }
  const lines = text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return { content: text, truncated, startLine: offset, endLine: offset + Math.max(0, lines - 1) };
}
