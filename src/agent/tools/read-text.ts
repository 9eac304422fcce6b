// Reads bytes of a file in bounded memory.

import type { FileHandle } from 'node:fs/promises';
import { CodeBuddyError } from '../../base/errors.ts';

/** Files up to this size can be edited and searched. */
export const maxTextBytes = 10 * 1024 * 1024;

/** Reads `length` bytes from `position`, fewer at the end of the file. */
export async function readRange(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Reads the whole content. @throws CodeBuddyError `tool_failed` for a file over `maxTextBytes` */
export async function readWholeFile(handle: FileHandle, path: string): Promise<Buffer> {
  const { size } = await handle.stat();
  if (size > maxTextBytes)
    throw new CodeBuddyError('tool_failed', `${path} has ${size} bytes; the limit is ${maxTextBytes}.`);
  return readRange(handle, 0, size);
}
