// Text of a file in bounded memory: binary files are told apart by a NUL in their first 8 KiB, as git does.

import type { FileHandle } from 'node:fs/promises';
import { CodeBuddyError } from '../../errors.ts';
import type { Workspace } from './workspace.ts';

/** Files up to this size can be edited and searched. */
export const maxTextBytes = 10 * 1024 * 1024;

export function looksBinary(start: Buffer): boolean {
  return start.subarray(0, 8192).includes(0);
}

/** `length` bytes from `position`, fewer at the end of the file. */
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

/** The whole text. @throws CodeBuddyError `tool_failed` for a binary file or one over `maxTextBytes` */
export async function readWholeText(workspace: Workspace, path: string): Promise<string> {
  const handle = await workspace.openFile(path);
  try {
    const { size } = await handle.stat();
    if (size > maxTextBytes)
      throw new CodeBuddyError('tool_failed', `${path} has ${size} bytes; the limit is ${maxTextBytes}.`);
    const bytes = await readRange(handle, 0, size);
    if (looksBinary(bytes))
      throw new CodeBuddyError('tool_failed', `${path} is a binary file of ${size} bytes.`);
    return bytes.toString('utf8');
  } finally {
    await handle.close();
  }
}
